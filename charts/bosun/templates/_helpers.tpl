{{- define "bosun.name" -}}
{{- if contains "bosun" .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-bosun" (.Release.Name | trunc 57 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "bosun.selector" -}}
app.kubernetes.io/name: bosun
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The agent's pod and not that of `helm test`. */ -}}
{{- define "bosun.agent" -}}
{{ include "bosun.selector" . }}
app.kubernetes.io/component: agent
{{- end -}}

{{- define "bosun.labels" -}}
{{ include "bosun.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "bosun.image" -}}
{{- $repository := required "image.repository is required: the agent's image, with the runner in it" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "bosun.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "bosun.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{- /* The private config's file; the agent's config may need it, too. */ -}}
{{- define "bosun.privateConfig" -}}
/etc/bosun/plugin.{{ .Values.plugin.name | base }}.conf.yaml
{{- end -}}

{{- /* A private config that holds secrets is kept in a Secret. */ -}}
{{- define "bosun.isConfigSecret" -}}
{{- if or .Values.plugin.secret (.Values.plugin.config).secretEnvironment }}true{{ end -}}
{{- end -}}

{{- /* The command prefix of the agent's config. */ -}}
{{- define "bosun.command" -}}
{{ .Values.runner.path }} --plugin {{ .Values.plugin.name }} --private-config {{ include "bosun.privateConfig" . }} --timeout {{ .Values.runner.timeout }}
{{- range .Values.runner.options }} {{ . }}{{ end }}
{{- end -}}

{{- define "bosun.isKubernetes" -}}
{{- if has .Values.plugin.name (list "kubernetes" "k8s" "k8s-plugin") }}true{{ end -}}
{{- end -}}

{{- /* Where the models are served. */ -}}
{{- define "bosun.modelNamespace" -}}
{{ (.Values.plugin.config).kubeNamespace | default .Release.Namespace }}
{{- end -}}

{{- define "bosun.secretName" -}}
{{ .Values.agent.existingSecret | default (include "bosun.name" .) }}
{{- end -}}

{{- define "bosun.claim" -}}
{{ .Values.persistence.existingClaim | default (include "bosun.name" .) }}
{{- end -}}
