{{/* Values that contradict each other, or that the schema cannot know. Each is refused with a sentence. */}}
{{- define "omnichannel.check" -}}
{{- $v := .Values }}
{{- $services := $v.prepared.services }}

{{- range $name, $own := $v.services }}
{{- if not (hasKey $services $name) }}
{{- fail (printf "services.%s: there is no service of this name. The services are %s." $name (keys $services | sortAlpha | join ", ")) }}
{{- end }}
{{- $row := get $services $name }}
{{- range $variable, $_ := merge (dict) ($own.env | default dict) ($own.secretEnv | default dict) }}
{{- if not (has $variable $row.variables) }}
{{- if has $variable $v.prepared.common }}
{{- fail (printf "services.%s: the chart sets %s itself." $name $variable) }}
{{- end }}
{{- fail (printf "services.%s: %s does not read the variable %s. It reads %s." $name $name $variable (join ", " $row.variables | default "none of its own")) }}
{{- end }}
{{- if or (hasSuffix "_KEY_FILE" $variable) (has $variable (list "ADMIN_EMAIL" "ADMIN_PASSWORD" "LIMITS_FILE" "TRUSTED_PROXIES" "CORS_ORIGINS")) }}
{{- fail (printf "services.%s: the chart sets %s itself, from other values." $name $variable) }}
{{- end }}
{{- end }}
{{- range $variable, $_ := $own.env }}
{{- if hasKey ($own.secretEnv | default dict) $variable }}
{{- fail (printf "services.%s: %s is in env and in secretEnv." $name $variable) }}
{{- end }}
{{- end }}
{{- if and $row.stateful ($own.autoscaling | default dict).enabled }}
{{- fail (printf "services.%s.autoscaling: %s cannot be scaled automatically: each replica has a client id of its own at the broker of devices. Set services.%s.replicas." $name $name $name) }}
{{- end }}
{{- end }}

{{- range $kind := list "bus" "state" }}
{{- $of := get $v $kind }}
{{- if $of.internal }}
{{- range $value := list "address" "secret" }}
{{- if get $of $value }}
{{- fail (printf "%s.%s is set, and %s.internal is true: an internal server has an address and accounts of its own. Set %s.internal to false." $kind $value $kind $kind) }}
{{- end }}
{{- end }}
{{- if $of.peers }}
{{- fail (printf "%s.peers is set, and %s.internal is true: the chart knows where an internal server is." $kind $kind) }}
{{- end }}
{{- else }}
{{- range $value := list "address" "secret" }}
{{- if not (get $of $value) }}
{{- fail (printf "%s.%s is missing: an external server (%s.internal is false) needs it." $kind $value $kind) }}
{{- end }}
{{- end }}
{{- if and $v.networkPolicy.enabled (not $of.peers) }}
{{- fail (printf "%s.peers is missing: network policies need to know where the external server is, such as [{ ipBlock: { cidr: 10.0.0.0/24 } }]." $kind) }}
{{- end }}
{{- end }}
{{- end }}

{{- if and $v.bus.tls $v.bus.internal }}
{{- fail "bus.tls is true, and bus.internal is true: internal servers have no TLS." }}
{{- end }}
{{- if and $v.state.internal (ne $v.state.tls "disable") }}
{{- fail (printf "state.tls is %s, and state.internal is true: internal servers have no TLS." $v.state.tls) }}
{{- end }}
{{- if and (eq $v.state.kind "redis") (not (has $v.state.tls (list "disable" "verify-full"))) }}
{{- fail (printf "state.tls is %s: for Redis it is disable or verify-full." $v.state.tls) }}
{{- end }}
{{- if and $v.bus.saslMechanism (ne $v.bus.kind "kafka") }}
{{- fail (printf "bus.saslMechanism is set, and bus.kind is %s: only Kafka has it." $v.bus.kind) }}
{{- end }}
{{- if and $v.bus.saslMechanism $v.bus.internal }}
{{- fail "bus.saslMechanism is set, and bus.internal is true: the internal Kafka has one mechanism." }}
{{- end }}
{{- if and (eq $v.bus.kind "redis") (eq $v.state.kind "redis") (ne $v.bus.internal $v.state.internal) }}
{{- fail "bus and state are both redis, one internal and one external: use the same for both, or another kind for one." }}
{{- end }}
{{- with $v.bus.management }}
{{- if and .url (or $v.bus.internal (ne $v.bus.kind "rabbitmq")) }}
{{- fail "bus.management.url is set: only an external RabbitMQ has it." }}
{{- end }}
{{- if ne (empty .url) (empty .secret) }}
{{- fail "bus.management needs url and secret, or neither." }}
{{- end }}
{{- if and .url $v.networkPolicy.enabled (not .peers) }}
{{- fail "bus.management.peers is missing: network policies need to know where the management API is." }}
{{- end }}
{{- end }}

{{- if and $v.devices.internal (ne $v.devices.kind "mosquitto") }}
{{- fail (printf "devices.kind is %s: only mosquitto can be internal. Set devices.internal to false." $v.devices.kind) }}
{{- end }}
{{- if and $v.devices.internal (or $v.devices.secret $v.devices.peers) }}
{{- fail "devices.secret or devices.peers is set, and devices.internal is true: an internal broker has an account of its own." }}
{{- end }}
{{- if and (not $v.devices.internal) (not $v.devices.secret) }}
{{- fail "devices.secret is missing: an external broker (devices.internal is false) needs it." }}
{{- end }}
{{- if and (not $v.devices.internal) $v.networkPolicy.enabled (not $v.devices.peers) }}
{{- fail "devices.peers is missing: network policies need to know where the external broker is." }}
{{- end }}

{{- with $v.paymentProvider }}
{{- if and .simulated (or .url .headers .peers) }}
{{- fail "paymentProvider.url, headers or peers is set, and paymentProvider.simulated is true: set simulated to false for a real provider." }}
{{- end }}
{{- if and (not .simulated) (not .url) }}
{{- fail "paymentProvider.url is missing: without the simulated provider (paymentProvider.simulated is false) payments need it." }}
{{- end }}
{{- if and (not .simulated) $v.networkPolicy.enabled (not .peers) }}
{{- fail "paymentProvider.peers is missing: network policies need to know where the provider is, such as [{ ipBlock: { cidr: 203.0.113.0/24 } }]." }}
{{- end }}
{{- end }}

{{- if and (or $v.notifications.email $v.notifications.sms) $v.networkPolicy.enabled (not (dig "notification" "egress" list $v.services)) }}
{{- fail "services.notification.egress is missing: network policies need to know where notifications are sent." }}
{{- end }}

{{- if and $v.image.digest $v.image.tag }}
{{- fail "image.tag and image.digest are both set: a digest names one image, so leave the tag empty." }}
{{- end }}
{{- if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) }}
{{- fail (printf "autoscaling.minReplicas is %d, more than autoscaling.maxReplicas, which is %d." (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- end }}
{{- range $name, $service := $services }}
{{- with $service.settings.autoscaling }}
{{- $min := int (.minReplicas | default $v.autoscaling.minReplicas) }}
{{- $max := int (.maxReplicas | default $v.autoscaling.maxReplicas) }}
{{- if gt $min $max }}
{{- fail (printf "services.%s.autoscaling: minReplicas is %d, more than maxReplicas, which is %d." $name $min $max) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $v.autoscaling.keda.enabled (not $v.autoscaling.enabled) }}
{{- fail "autoscaling.keda.enabled is true, and autoscaling.enabled is false." }}
{{- end }}
{{- range $name, $service := $services }}
{{- if and (include "omnichannel.scales" (list $ $service)) (or (not (dig "requests" "cpu" "" ($v.sidecar.resources | default dict))) (not (dig "requests" "cpu" "" ($service.settings.resources | default dict)))) }}
{{- fail (printf "%s is scaled automatically: resources.requests.cpu of the service and of the sidecar are needed, without which the cluster cannot tell how busy a pod is." $name) }}
{{- end }}
{{- end }}
{{- if and $v.autoscaling.keda.enabled (not (.Capabilities.APIVersions.Has "keda.sh/v1alpha1")) }}
{{- fail "autoscaling.keda.enabled is true, and the cluster has no KEDA (keda.sh/v1alpha1): install it first." }}
{{- end }}
{{- if and $v.autoscaling.keda.enabled (eq $v.bus.kind "rabbitmq") (not $v.bus.internal) (not $v.autoscaling.keda.secret) }}
{{- fail "autoscaling.keda.secret is missing: KEDA needs the URL of the external RabbitMQ." }}
{{- end }}
{{- if and $v.ingress.enabled (not $v.ingress.host) }}
{{- fail "ingress.host is missing, and ingress.enabled is true." }}
{{- end }}
{{- if and $v.ingress.tlsSecret (not $v.ingress.enabled) }}
{{- fail "ingress.tlsSecret is set, and ingress.enabled is false." }}
{{- end }}
{{- if and $v.gatewayApi.enabled (not $v.gatewayApi.parentRefs) }}
{{- fail "gatewayApi.parentRefs is missing, and gatewayApi.enabled is true: it names the Gateway." }}
{{- end }}
{{- if and $v.gatewayApi.enabled (not (.Capabilities.APIVersions.Has "gateway.networking.k8s.io/v1")) }}
{{- fail "gatewayApi.enabled is true, and the cluster has no Gateway API (gateway.networking.k8s.io/v1): install it first." }}
{{- end }}
{{- if and $v.gateway.service.nodePort (ne $v.gateway.service.type "NodePort") }}
{{- fail (printf "gateway.service.nodePort is set, and gateway.service.type is %s." $v.gateway.service.type) }}
{{- end }}
{{- if and $v.metrics.podMonitor (not (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) }}
{{- fail "metrics.podMonitor is true, and the cluster has no Prometheus operator (monitoring.coreos.com/v1): install it first." }}
{{- end }}
{{- if not (.Capabilities.APIVersions.Has "dapr.io/v1alpha1") }}
{{- fail "The cluster has no Dapr (dapr.io/v1alpha1): install it first, see docs/kubernetes.md. For `helm template` pass --api-versions dapr.io/v1alpha1." }}
{{- end }}
{{- end }}
