{{- /* What the agent's container and the one of `helm test` have in common. */ -}}
{{- define "bosun.container" -}}
image: {{ include "bosun.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
env:
  - name: HOME
    value: {{ .Values.persistence.folder }}
  - name: POD_NAMESPACE
    valueFrom:
      fieldRef:
        fieldPath: metadata.namespace
  {{- with .Values.agent.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if or .Values.agent.secrets .Values.agent.existingSecret }}
envFrom:
  - secretRef:
      name: {{ include "bosun.secretName" . }}
{{- end }}
volumeMounts:
  - name: config
    mountPath: /etc/bosun
    readOnly: true
  {{- if .Values.agent.files }}
  - name: agent
    mountPath: {{ .Values.agent.folder }}
    readOnly: true
  {{- end }}
  - name: data
    mountPath: {{ .Values.persistence.folder }}
  - name: tmp
    mountPath: /tmp
  {{- with .Values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- /* All but the volume `data`. */ -}}
{{- define "bosun.configVolumes" -}}
- name: config
  {{- if include "bosun.isConfigSecret" . }}
  secret:
    secretName: {{ include "bosun.name" . }}-config
  {{- else }}
  configMap:
    name: {{ include "bosun.name" . }}-config
  {{- end }}
{{- if .Values.agent.files }}
- name: agent
  configMap:
    name: {{ include "bosun.name" . }}-agent
{{- end }}
- name: tmp
  emptyDir: {}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "bosun.volumes" -}}
{{ include "bosun.configVolumes" . }}
- name: data
  {{- if .Values.persistence.enabled }}
  persistentVolumeClaim:
    claimName: {{ include "bosun.claim" . }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end -}}
