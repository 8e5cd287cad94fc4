{{/* Components, HTTPEndpoint and Resiliency, as a YAML stream. */}}
{{- define "omnichannel.daprSpecs" -}}
{{- $root := . -}}
{{- $services := .Values.prepared.services -}}
{{- $bus := .Values.bus -}}{{- $state := .Values.state -}}{{- $devices := .Values.devices -}}
{{- $onBus := list -}}{{- $onState := list -}}{{- $onDevices := list -}}{{- $onProvider := list -}}
{{- range $name := keys $services | sortAlpha -}}
{{- $service := get $services $name -}}
{{- $onState = append $onState $name -}}
{{- if or $service.publishes $service.subscribes }}{{ $onBus = append $onBus $name }}{{ end -}}
{{- if has "devices" $service.bindings }}{{ $onDevices = append $onDevices $name }}{{ end -}}
{{- if has "payment-provider" $service.endpoints }}{{ $onProvider = append $onProvider $name }}{{ end -}}
{{- end -}}
{{- $set := dict -}}
{{- $drop := list "caCert" -}}
{{- $address := include "omnichannel.busAddress" . -}}
{{- if eq $bus.kind "redis" -}}
{{- $set = dict "redisHost" $address "enableTLS" (toString $bus.tls) -}}
{{- else if eq $bus.kind "rabbitmq" -}}
{{- $set = dict "hostname" $address "protocol" (ternary "amqps" "amqp" $bus.tls) -}}
{{- else -}}
{{- $set = dict "brokers" $address "authType" "password" "saslMechanism" (ternary "PLAINTEXT" ($bus.saslMechanism | default "SHA-512") $bus.internal) "disableTls" (toString (not $bus.tls)) -}}
{{- end -}}
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  {{- include "omnichannel.metadata" (list . "bus") | nindent 2 }}
scopes: {{ toJson $onBus }}
spec:
  {{- include "omnichannel.component" (dict "root" . "kind" "bus" "name" $bus.kind "set" $set "drop" $drop "prefix" "BUS") | nindent 2 }}
---
{{- $address := include "omnichannel.stateAddress" . -}}
{{- if eq $state.kind "redis" -}}
{{- $set = dict "redisHost" $address "enableTLS" (toString (ne $state.tls "disable")) -}}
{{- else -}}
{{- $at := splitn ":" 2 $address -}}
{{- $set = dict "host" $at._0 "port" ($at._1 | default "5432") "user" (ternary "omnichannel" $state.user $state.internal) "database" (ternary "omnichannel" $state.database $state.internal) -}}
{{- end }}
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  {{- include "omnichannel.metadata" (list . "state") | nindent 2 }}
scopes: {{ toJson $onState }}
spec:
  {{- include "omnichannel.component" (dict "root" . "kind" "state" "name" $state.kind "set" $set "prefix" "STATE") | nindent 2 }}
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  {{- include "omnichannel.metadata" (list . "devices") | nindent 2 }}
scopes: {{ toJson $onDevices }}
spec:
  {{- $set = ternary (dict "consumerID" "{podName}") (dict) (eq $devices.kind "mosquitto") }}
  {{- include "omnichannel.component" (dict "root" . "kind" "devices" "name" $devices.kind "set" $set "prefix" "") | nindent 2 }}
{{- range $binding := list "email" "sms" }}
---
{{- $scopes := list }}
{{- range $name := keys $services | sortAlpha }}
{{- if has $binding (get $services $name).bindings }}{{ $scopes = append $scopes $name }}{{ end }}
{{- end }}
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  {{- include "omnichannel.metadata" (list $root $binding) | nindent 2 }}
scopes: {{ toJson $scopes }}
spec:
  {{- $own := get $root.Values.notifications $binding }}
  {{- if $own }}
  {{- toYaml $own | nindent 2 }}
  {{- else }}
  type: bindings.localstorage
  version: v1
  metadata:
    - name: rootPath
      value: /messages/{{ $binding }}
  {{- end }}
{{- end }}
---
apiVersion: dapr.io/v1alpha1
kind: HTTPEndpoint
metadata:
  {{- include "omnichannel.metadata" (list . "payment-provider") | nindent 2 }}
scopes: {{ toJson $onProvider }}
spec:
  {{- if .Values.paymentProvider.simulated }}
  baseUrl: http://{{ include "omnichannel.name" . }}-payment-provider:3104
  {{- else }}
  baseUrl: {{ .Values.paymentProvider.url | quote }}
  {{- with .Values.paymentProvider.headers }}
  headers:
    {{- range $i, $header := . }}
    - name: {{ $header.name }}
      envRef: PAYMENT_PROVIDER_HEADER_{{ $i }}
    {{- end }}
  {{- end }}
  {{- end }}
---
apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata:
  {{- include "omnichannel.metadata" (list . "calls") | nindent 2 }}
spec:
  {{- .Files.Get "files/resiliency.json" | fromJson | toYaml | nindent 2 }}
{{- end }}

{{/*
The Configuration of a sidecar: components/configuration.yaml, the APIs that its service needs, and who may call
which of its methods: (list $ service)
*/}}
{{- define "omnichannel.configurationSpec" -}}
{{- $root := index . 0 -}}{{- $service := index . 1 -}}
{{- $caller := dict "defaultAction" "deny" "trustDomain" $root.Values.dapr.trustDomain "namespace" $root.Release.Namespace -}}
{{- $policies := list -}}
{{- range $service.callers -}}
{{- $policies = append $policies (merge (dict "appId" .appId "operations" .operations) $caller) -}}
{{- end -}}
{{- $spec := $root.Files.Get "files/configuration.json" | fromJson -}}
{{- /* The definition of a Configuration in a cluster requires it. */}}
{{- $_ := set $spec "metrics" (merge (dict "enabled" true) $spec.metrics) -}}
{{- $_ := set $spec "api" (dict "allowed" $service.apis) -}}
{{- $_ := set $spec "accessControl" (dict "defaultAction" "deny" "trustDomain" $root.Values.dapr.trustDomain "policies" $policies) -}}
{{- toYaml $spec -}}
{{- end }}
