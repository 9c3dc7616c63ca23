{{- /*
The rights that the kubernetes plugin needs with its config: those of lua/plugins/kubernetes/rights.lua, as a test of
tests/kubernetes checks.
*/ -}}
{{- define "bosun.rules" -}}
{{- $config := .Values.plugin.config -}}
{{- $all := "[get, list, watch, create, patch, delete]" -}}
- apiGroups: [apps]
  resources: [deployments]
  verbs: {{ $all }}
- apiGroups: [""]
  resources: [configmaps, secrets, services]
  verbs: {{ $all }}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [list]
{{- if ne ($config.imageBuilder | default "kaniko") "registry" }}
- apiGroups: [batch]
  resources: [jobs]
  verbs: {{ $all }}
- apiGroups: [""]
  resources: [pods/attach, pods/exec]
  verbs: [get, create]
{{- end }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: {{ $all }}
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: {{ $all }}
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: {{ $all }}
{{- if $config.gateway }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: {{ $all }}
{{- else if eq ($config.ingressController | default $config.ingressClass | default "" | regexFind "traefik") "traefik" }}
- apiGroups: [traefik.io]
  resources: [middlewares]
  verbs: {{ $all }}
{{- end }}
{{- end -}}
