{{/* Annotations of a pod for Dapr's injector: (list $ service) */}}
{{- define "omnichannel.daprAnnotations" -}}
{{- $root := index . 0 -}}{{- $service := index . 1 -}}
{{- $name := include "omnichannel.name" $root -}}
{{- $sidecar := $root.Values.sidecar -}}
{{- $bus := include "omnichannel.busSecret" (list $root $service.name) -}}
{{- $state := include "omnichannel.stateSecret" (list $root $service.name) -}}
{{- $secrets := list -}}
{{- $usesBus := or $service.publishes $service.subscribes -}}
{{- if $usesBus -}}
{{- $secrets = concat $secrets (list (printf "BUS_USERNAME=%s:username" $bus) (printf "BUS_PASSWORD=%s:password" $bus)) -}}
{{- end -}}
{{- if eq $root.Values.state.kind "redis" -}}
{{- $secrets = append $secrets (printf "STATE_USERNAME=%s:username" $state) -}}
{{- end -}}
{{- $secrets = append $secrets (printf "STATE_PASSWORD=%s:password" $state) -}}
{{- if has "devices" $service.bindings -}}
{{- $devices := include "omnichannel.devicesSecret" $root -}}
{{- $secrets = append $secrets (printf "DEVICES_BROKER_URL=%s:url" $devices) -}}
{{- if eq $root.Values.devices.kind "rabbitmq" -}}
{{- $secrets = append $secrets (printf "DEVICES_CLIENT_ID=%s:clientId" $devices) -}}
{{- end -}}
{{- end -}}
{{- if has "payment-provider" $service.endpoints -}}
{{- range $i, $header := $root.Values.paymentProvider.headers -}}
{{- $secrets = append $secrets (printf "PAYMENT_PROVIDER_HEADER_%d=%s:%s" $i $header.secret $header.key) -}}
{{- end -}}
{{- end -}}
{{- $env := list -}}
{{- if eq $root.Values.state.kind "postgresql" -}}
{{- $env = append $env (printf "PGSSLMODE=%s" $root.Values.state.tls) -}}
{{- end -}}
{{- $mounts := list -}}
{{- if $root.Values.caBundleSecret -}}
{{- $mounts = append $mounts "ca-bundle:/var/run/omnichannel/ca" -}}
{{- $env = append $env "SSL_CERT_FILE=/var/run/omnichannel/ca/ca-bundle.crt" -}}
{{- if eq $root.Values.state.kind "postgresql" -}}
{{- $env = append $env "PGSSLROOTCERT=/var/run/omnichannel/ca/ca-bundle.crt" -}}
{{- end -}}
{{- end -}}
dapr.io/enabled: 'true'
dapr.io/app-id: {{ $service.name }}
{{- if $service.appPort }}
dapr.io/app-port: {{ $service.appPort | quote }}
dapr.io/app-protocol: grpc
{{- end }}
dapr.io/config: {{ $name }}-{{ $service.name }}
dapr.io/log-level: {{ $sidecar.logLevel }}
dapr.io/log-as-json: 'true'
{{- with $sidecar.image }}
dapr.io/sidecar-image: {{ . }}
{{- end }}
dapr.io/sidecar-seccomp-profile-type: RuntimeDefault
{{- with dig "requests" "cpu" "" ($sidecar.resources | default dict) }}
dapr.io/sidecar-cpu-request: {{ . | quote }}
{{- end }}
{{- with dig "requests" "memory" "" ($sidecar.resources | default dict) }}
dapr.io/sidecar-memory-request: {{ . | quote }}
{{- end }}
{{- with dig "limits" "cpu" "" ($sidecar.resources | default dict) }}
dapr.io/sidecar-cpu-limit: {{ . | quote }}
{{- end }}
{{- with dig "limits" "memory" "" ($sidecar.resources | default dict) }}
dapr.io/sidecar-memory-limit: {{ . | quote }}
{{- end }}
dapr.io/enable-native-sidecar: {{ $sidecar.native | quote }}
dapr.io/graceful-shutdown-seconds: {{ $root.Values.stop.sidecarSeconds | quote }}
{{- if not $sidecar.native }}
dapr.io/block-shutdown-duration: {{ printf "%ds" (add $root.Values.stop.preStopSeconds $root.Values.stop.drainSeconds) }}
{{- end }}
# No service has actors.
dapr.io/placement-host-address: ''
{{- if not $service.jobs }}
dapr.io/scheduler-host-address: ''
{{- end }}
dapr.io/disable-builtin-k8s-secret-store: 'true'
dapr.io/api-token-secret: {{ $name }}-{{ $service.name }}-sidecar
dapr.io/app-token-secret: {{ $name }}-{{ $service.name }}-sidecar
dapr.io/env-from-secret: {{ join "," $secrets | quote }}
{{- if $env }}
dapr.io/env: {{ join "," $env | quote }}
{{- end }}
{{- if $mounts }}
dapr.io/volume-mounts: {{ join "," $mounts | quote }}
{{- end }}
{{- if include "omnichannel.writesMessages" (list $root $service) }}
dapr.io/volume-mounts-rw: messages:/messages
{{- end }}
{{- end }}

{{/* The template of a service's pods: (list $ service) */}}
{{- define "omnichannel.pod" -}}
{{- $root := index . 0 -}}{{- $service := index . 1 -}}
{{- $name := include "omnichannel.name" $root -}}
{{- $own := printf "%s-%s" $name $service.name -}}
{{- $settings := $service.settings -}}
{{- $stop := $root.Values.stop -}}
metadata:
  labels:
    {{- include "omnichannel.podLabels" (list $root $service.name) | nindent 4 }}
    {{- with $settings.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    {{- include "omnichannel.daprAnnotations" . | nindent 4 }}
    # A sidecar reads its components and secrets when it starts, so a change of them replaces the pods.
    checksum/configuration: {{ list (include "omnichannel.daprSpecs" $root) (include "omnichannel.configurationSpec" (list $root $service)) (ternary (toJson $root.Values.limits) "" (has "LIMITS_FILE" $service.variables)) | toJson | sha256sum }}
    checksum/secrets: {{ include "omnichannel.secretsOf" . | fromJsonArray | uniq | toJson | sha256sum }}
    {{- with $settings.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ $own }}
  {{- include "omnichannel.podSecurity" 65532 | nindent 2 }}
  {{- include "omnichannel.pullSecrets" $root | nindent 2 }}
  terminationGracePeriodSeconds: {{ add $stop.preStopSeconds $stop.drainSeconds $stop.sidecarSeconds 5 }}
  {{- $class := $settings.priorityClassName }}
  {{- if and (not $class) $root.Values.priorityClasses.create }}
  {{- $class = printf "%s-%s" $name (ternary "edge" "service" (eq $service.name "gateway")) }}
  {{- end }}
  {{- with $class }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- if $root.Values.topologySpread.enabled }}
  topologySpreadConstraints:
    {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "omnichannel.podLabels" (list $root $service.name) | nindent 10 }}
      matchLabelKeys: [{{ ternary "controller-revision-hash" "pod-template-hash" $service.stateful }}]
    {{- end }}
  {{- end }}
  {{- with $settings.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $settings.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $settings.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: service
      image: {{ include "omnichannel.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [{{ $service.name }}]
      {{- include "omnichannel.containerSecurity" $root | nindent 6 }}
      ports:
        - { name: http, containerPort: {{ $service.httpPort }} }
        {{- if $service.appPort }}
        - { name: grpc, containerPort: {{ $service.appPort }} }
        {{- end }}
        {{- if $service.ingestPort }}
        - { name: stream, containerPort: {{ $service.ingestPort }} }
        {{- end }}
      env:
        {{- include "omnichannel.env" . | nindent 8 }}
      # Until it listens. An invalid configuration ends the process with a message.
      startupProbe:
        httpGet: { path: /health, port: http }
        periodSeconds: 2
        failureThreshold: 60
        timeoutSeconds: 2
      # Whether the process answers. It says nothing of the sidecar or a server, whose fault no restart mends.
      livenessProbe:
        httpGet: { path: /health, port: http }
        periodSeconds: 10
        failureThreshold: 6
        timeoutSeconds: 5
      # Whether it can do its work: its sidecar is ready and has an access list, and it is not stopping.
      readinessProbe:
        httpGet: { path: /health/ready, port: http }
        periodSeconds: 2
        failureThreshold: 2
        timeoutSeconds: 2
      lifecycle:
        preStop:
          # Callers and proxies learn meanwhile that the pod has left.
          sleep:
            seconds: {{ $stop.preStopSeconds }}
      resources:
        {{- toYaml $settings.resources | nindent 8 }}
      volumeMounts:
        - { name: keys, mountPath: /var/run/omnichannel/keys, readOnly: true }
        - { name: settings, mountPath: /etc/omnichannel, readOnly: true }
        {{- range $service.variables }}
        {{- if hasSuffix "_KEY_FILE" . }}
        - { name: master, mountPath: /var/run/omnichannel/master, readOnly: true }
        {{- end }}
        {{- end }}
        {{- if $root.Values.caBundleSecret }}
        - { name: ca-bundle, mountPath: /var/run/omnichannel/ca, readOnly: true }
        {{- end }}
  volumes:
    - name: keys
      projected:
        defaultMode: 0440
        sources:
          - secret:
              name: {{ $own }}-key
              items:
                - { key: {{ $service.name }}.json, path: private/{{ $service.name }}.json }
          - configMap:
              name: {{ $name }}-public-keys
              items:
                {{- range $each := keys $root.Values.prepared.services | sortAlpha }}
                - { key: {{ $each }}.json, path: public/{{ $each }}.json }
                {{- end }}
    - name: settings
      configMap:
        name: {{ $name }}-settings
    {{- range $service.variables }}
    {{- if hasSuffix "_KEY_FILE" . }}
    - name: master
      secret:
        secretName: {{ $own }}-master
        defaultMode: 0440
    {{- end }}
    {{- end }}
    {{- if $root.Values.caBundleSecret }}
    - name: ca-bundle
      secret:
        secretName: {{ $root.Values.caBundleSecret }}
    {{- end }}
    {{- if include "omnichannel.writesMessages" . }}
    - name: messages
      emptyDir:
        sizeLimit: 100Mi
    {{- end }}
{{- end }}

{{- define "omnichannel.env" -}}
{{- $root := index . 0 -}}{{- $service := index . 1 -}}
{{- $own := printf "%s-%s" (include "omnichannel.name" $root) $service.name -}}
{{- $set := dict
  "HOST" "0.0.0.0"
  "PORT" (toString $service.httpPort)
  "LOG_LEVEL" $service.settings.logLevel
  "STOP_SECONDS" (toString $root.Values.stop.drainSeconds)
  "SERVICE_KEYS" "/var/run/omnichannel/keys"
  "SERVICE_IDENTITY" "sidecar"
  "SERVICE_CALLS" "/app/components/calls.json"
  "FLAGS_FILE" "/etc/omnichannel/flags.json"
-}}
{{- if $service.appPort }}{{ $_ := set $set "APP_PORT" (toString $service.appPort) }}{{ end -}}
{{- if $service.ingestPort }}{{ $_ := set $set "INGEST_PORT" (toString $service.ingestPort) }}{{ end -}}
{{- range $service.variables -}}
{{- if hasSuffix "_KEY_FILE" . }}{{ $_ := set $set . "/var/run/omnichannel/master/key" }}{{ end -}}
{{- if eq . "LIMITS_FILE" }}{{ $_ := set $set . "/etc/omnichannel/limits.json" }}{{ end -}}
{{- if eq . "TRUSTED_PROXIES" }}{{ $_ := set $set . (join "," $root.Values.gateway.trustedProxies) }}{{ end -}}
{{- if eq . "CORS_ORIGINS" }}{{ $_ := set $set . (join "," $root.Values.gateway.corsOrigins) }}{{ end -}}
{{- end -}}
{{- if $service.ingestPort }}{{ $_ := set $set "INGEST_TRUSTED_PROXIES" (join "," $root.Values.gateway.trustedProxies) }}{{ end -}}
{{- if $root.Values.caBundleSecret }}{{ $_ := set $set "NODE_EXTRA_CA_CERTS" "/var/run/omnichannel/ca/ca-bundle.crt" }}{{ end -}}
{{- if $service.readModel -}}
{{- $_ := set $set "READ_STORE" "/app/components/read-store/postgresql.yaml" -}}
{{- if eq $root.Values.state.kind "postgresql" -}}
{{- $address := splitList ":" (include "omnichannel.stateAddress" $root) -}}
{{- $_ := set $set "READ_STORE_HOST" (first $address) -}}
{{- $_ := set $set "READ_STORE_PORT" (last $address) -}}
{{- $_ := set $set "READ_STORE_USER" $root.Values.state.user -}}
{{- $_ := set $set "READ_STORE_DATABASE" $root.Values.state.database -}}
{{- $_ := set $set "PGSSLMODE" $root.Values.state.tls -}}
{{- end -}}
{{- end -}}
{{- range $variable, $value := $service.settings.env }}{{ $_ := set $set $variable (toString $value) }}{{ end -}}
- name: INSTANCE_ID
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
{{- range $variable := list "DAPR_API_TOKEN" "APP_API_TOKEN" }}
- name: {{ $variable }}
  valueFrom: { secretKeyRef: { name: {{ $own }}-sidecar, key: token } }
{{- end }}
{{- if and $service.readModel (eq $root.Values.state.kind "postgresql") }}
- name: READ_STORE_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ include "omnichannel.stateSecret" (list $root $service.name) }}, key: password } }
{{- end }}
{{- if has "ADMIN_EMAIL" $service.variables }}
{{- $admin := printf "%s-admin" (include "omnichannel.name" $root) }}
- name: ADMIN_EMAIL
  valueFrom: { secretKeyRef: { name: {{ $admin }}, key: email } }
- name: ADMIN_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ $admin }}, key: password } }
{{- end }}
{{- range $variable, $value := $set }}
{{- if ne $value "" }}
- name: {{ $variable }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- range $variable, $from := $service.settings.secretEnv }}
- name: {{ $variable }}
  valueFrom: { secretKeyRef: { name: {{ $from.secret }}, key: {{ $from.key }} } }
{{- end }}
{{- end }}

{{/* Hashes of all Secrets that a pod uses, as a list of JSON: (list $ service) */}}
{{- define "omnichannel.secretsOf" -}}
{{- $root := index . 0 -}}{{- $service := index . 1 -}}
{{- $name := include "omnichannel.name" $root -}}
{{- $own := printf "%s-%s" $name $service.name -}}
{{- $names := list (printf "%s-key" $own) (printf "%s-sidecar" $own) (include "omnichannel.stateSecret" (list $root $service.name)) -}}
{{- $names = append $names (include "omnichannel.busSecret" (list $root $service.name)) -}}
{{- range $service.variables -}}
{{- if hasSuffix "_KEY_FILE" . }}{{ $names = append $names (printf "%s-master" $own) }}{{ end -}}
{{- if eq . "ADMIN_EMAIL" }}{{ $names = append $names (printf "%s-admin" $name) }}{{ end -}}
{{- end -}}
{{- if has "devices" $service.bindings }}{{ $names = append $names (include "omnichannel.devicesSecret" $root) }}{{ end -}}
{{- if has "payment-provider" $service.endpoints -}}
{{- range $root.Values.paymentProvider.headers }}{{ $names = append $names .secret }}{{ end -}}
{{- end -}}
{{- range $service.settings.secretEnv }}{{ $names = append $names .secret }}{{ end -}}
{{- with $root.Values.caBundleSecret }}{{ $names = append $names . }}{{ end -}}
{{- $hashes := list -}}
{{- range uniq $names }}{{ $hashes = append $hashes (include "omnichannel.secretHash" (list $root .)) }}{{ end -}}
{{- toJson $hashes -}}
{{- end }}
