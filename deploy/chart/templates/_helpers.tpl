{{- define "omnichannel.name" -}}
{{- .Values.fullnameOverride | default .Release.Name -}}
{{- end }}

{{- define "omnichannel.labels" -}}
{{ include "omnichannel.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: omnichannel
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "omnichannel.selector" -}}
app.kubernetes.io/name: omnichannel
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Metadata of an object: (list $ "name" "component") */}}
{{- define "omnichannel.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "omnichannel.labels" $root | nindent 2 }}
  {{- if gt (len .) 2 }}
  app.kubernetes.io/component: {{ index . 2 }}
  {{- end }}
{{- end }}

{{/* The labels that select the pods of a component: (list $ "component") */}}
{{- define "omnichannel.podLabels" -}}
{{ include "omnichannel.selector" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "omnichannel.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* What every pod has: no token of the API, no root, the profile of the runtime. */}}
{{- define "omnichannel.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ . }}
  runAsGroup: {{ . }}
  fsGroup: {{ . }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "omnichannel.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "omnichannel.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* host:port of the bus, the database: internal ones are Services of this chart. */}}
{{- define "omnichannel.busAddress" -}}
{{- $ports := dict "redis" 6379 "rabbitmq" 5672 "kafka" 9092 -}}
{{- if .Values.bus.internal -}}
{{ include "omnichannel.name" . }}-{{ .Values.bus.kind }}:{{ get $ports .Values.bus.kind }}
{{- else -}}
{{ .Values.bus.address }}
{{- end -}}
{{- end }}

{{- define "omnichannel.stateAddress" -}}
{{- $ports := dict "redis" 6379 "postgresql" 5432 -}}
{{- if .Values.state.internal -}}
{{ include "omnichannel.name" . }}-{{ .Values.state.kind }}:{{ get $ports .Values.state.kind }}
{{- else -}}
{{ .Values.state.address }}
{{- end -}}
{{- end }}

{{/* The Secret with a service's account: (list $ "service") */}}
{{- define "omnichannel.busSecret" -}}
{{- $root := index . 0 -}}{{- $bus := $root.Values.bus -}}
{{- if $bus.internal -}}
{{ include "omnichannel.name" $root }}-{{ index . 1 }}-{{ $bus.kind }}
{{- else -}}
{{ replace "{service}" (index . 1) $bus.secret }}
{{- end -}}
{{- end }}

{{- define "omnichannel.stateSecret" -}}
{{- $root := index . 0 -}}{{- $state := $root.Values.state -}}
{{- if not $state.internal -}}
{{ replace "{service}" (index . 1) $state.secret }}
{{- else if eq $state.kind "redis" -}}
{{ include "omnichannel.name" $root }}-{{ index . 1 }}-redis
{{- else -}}
{{ include "omnichannel.name" $root }}-postgresql
{{- end -}}
{{- end }}

{{- define "omnichannel.devicesSecret" -}}
{{- if .Values.devices.internal -}}
{{ include "omnichannel.name" . }}-devices
{{- else -}}
{{ .Values.devices.secret }}
{{- end -}}
{{- end }}

{{/* The internal servers that are deployed, as a list of JSON. */}}
{{- define "omnichannel.servers" -}}
{{- $servers := list -}}
{{- if .Values.bus.internal }}{{ $servers = append $servers .Values.bus.kind }}{{ end -}}
{{- if .Values.state.internal }}{{ $servers = append $servers .Values.state.kind }}{{ end -}}
{{- if .Values.devices.internal }}{{ $servers = append $servers .Values.devices.kind }}{{ end -}}
{{- uniq $servers | toJson -}}
{{- end }}

{{/* A Component of components/: (dict "root" $ "kind" "bus" "name" "redis" "set" overrides "drop" names "prefix" "BUS") */}}
{{- define "omnichannel.component" -}}
{{- $root := .root -}}
{{- $component := index $root.Values.prepared.components .kind .name -}}
{{- $set := .set -}}
type: {{ $component.type }}
version: {{ $component.version }}
metadata:
  {{- $seen := list }}
  {{- range $item := $component.metadata }}
  {{- if not (has $item.name ($.drop | default list)) }}
  {{- $seen = append $seen $item.name }}
  - name: {{ $item.name }}
    {{- if hasKey $set $item.name }}
    value: {{ get $set $item.name | quote }}
    {{- else if hasKey $item "envRef" }}
    envRef: {{ ternary (printf "%s_%s" $.prefix (splitn "_" 2 $item.envRef)._1) $item.envRef (ne $.prefix "") }}
    {{- else }}
    value: {{ $item.value | quote }}
    {{- end }}
  {{- end }}
  {{- end }}
  {{- range $name, $value := $set }}
  {{- if not (has $name $seen) }}
  - name: {{ $name }}
    value: {{ $value | quote }}
  {{- end }}
  {{- end }}
{{- end }}

{{/* Whether a service has the binding email or sms without a component of the operator's: it writes to a volume. */}}
{{- define "omnichannel.writesMessages" -}}
{{- $root := index . 0 -}}
{{- range (index . 1).bindings -}}
{{- if or (and (eq . "email") (not $root.Values.notifications.email)) (and (eq . "sms") (not $root.Values.notifications.sms)) -}}yes{{- end -}}
{{- end -}}
{{- end }}

{{/* Scales by the backlog instead of by CPU alone. */}}
{{- define "omnichannel.scales" -}}
{{- $root := index . 0 -}}{{- $service := index . 1 -}}
{{- $own := $service.settings.autoscaling | default dict -}}
{{- if $service.stateful -}}
{{- else if hasKey $own "enabled" -}}{{ ternary "yes" "" $own.enabled }}
{{- else -}}{{ ternary "yes" "" $root.Values.autoscaling.enabled }}
{{- end -}}
{{- end }}

{{/* The port of an http or https URL. */}}
{{- define "omnichannel.urlPort" -}}
{{- $url := urlParse (. | default "http://none") -}}
{{- if contains ":" $url.host -}}{{ splitList ":" $url.host | last }}{{- else -}}{{ ternary "443" "80" (eq $url.scheme "https") }}{{- end -}}
{{- end }}
