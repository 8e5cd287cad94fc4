{{/*
Reads the generated table of services, merges the values of each, checks what a schema cannot, and makes the Secrets.
Once for each rendering: a Secret is random, and other templates need its checksum.
*/}}
{{- define "omnichannel.prepare" -}}
{{- if not (hasKey .Values "prepared") }}
{{- $prepared := dict }}
{{- $table := .Files.Get "files/services.json" | fromJson }}
{{- $services := dict }}
{{- range $name, $row := $table.services }}
{{- $own := get $.Values.services $name | default dict }}
{{- $settings := mergeOverwrite (deepCopy $.Values.defaults) (deepCopy $own) }}
{{- $_ := set $services $name (merge (dict "name" $name "settings" $settings) $row) }}
{{- end }}
{{- $_ := set $prepared "services" $services }}
{{- $_ := set $prepared "common" $table.common }}
{{- $_ := set $prepared "components" (.Files.Get "files/components.json" | fromJson) }}
{{- $_ := set .Values "prepared" $prepared }}
{{- include "omnichannel.check" . }}
{{- include "omnichannel.makeSecrets" . }}
{{- end }}
{{- end }}

{{/* What a Secret has already, or else a new value: (list $ "name" "key" "new") */}}
{{- define "omnichannel.kept" -}}
{{- $root := index . 0 -}}
{{- $found := lookup "v1" "Secret" $root.Release.Namespace (index . 1) -}}
{{- if and $found (hasKey ($found.data | default dict) (index . 2)) -}}
{{ index $found.data (index . 2) | b64dec }}
{{- else -}}
{{ index . 3 }}
{{- end -}}
{{- end }}

{{/*
A new key pair of a service as a JWK (kit/security/service-keys.ts). The DER of a P-256 key (RFC 5915) has the
private number at byte 7, and the point at 57 and 89.
*/}}
{{- define "omnichannel.newKey" -}}
{{- $der := genPrivateKey "ecdsa" | replace "-----BEGIN EC PRIVATE KEY-----" "" | replace "-----END EC PRIVATE KEY-----" "" | replace "\n" "" | b64dec -}}
{{- $part := dict -}}
{{- range $name, $at := dict "d" 7 "x" 57 "y" 89 -}}
{{- $from := int $at -}}
{{- $_ := set $part $name (substr $from (add $from 32 | int) $der | b64enc | replace "+" "-" | replace "/" "_" | trimAll "=") -}}
{{- end -}}
{{- dict "kty" "EC" "crv" "P-256" "x" $part.x "y" $part.y "d" $part.d "kid" (printf "%s.%s" $part.x $part.y | sha256sum | trunc 43) | toJson -}}
{{- end }}

{{- define "omnichannel.newMasterKey" -}}
{{- randBytes 32 | replace "+" "-" | replace "/" "_" | trimAll "=" -}}
{{- end }}

{{- define "omnichannel.makeSecrets" -}}
{{- $root := . }}
{{- $name := include "omnichannel.name" . }}
{{- $secrets := dict }}
{{- $public := dict }}
{{- $servers := include "omnichannel.servers" . | fromJsonArray }}
{{- if .Values.secrets.create }}
{{- $admin := printf "%s-admin" $name }}
{{- $_ := set $secrets $admin (dict "email" .Values.admin.email "password" (include "omnichannel.kept" (list . $admin "password" (randAlphaNum 24)))) }}
{{- range $service := .Values.prepared.services }}
{{- $own := printf "%s-%s" $name $service.name }}
{{- $sidecar := printf "%s-sidecar" $own }}
{{- $_ := set $secrets $sidecar (dict "token" (include "omnichannel.kept" (list $root $sidecar "token" (randAlphaNum 32)))) }}
{{- $file := printf "%s.json" $service.name }}
{{- $key := printf "%s-key" $own }}
{{- $jwk := include "omnichannel.kept" (list $root $key $file (include "omnichannel.newKey" $root)) }}
{{- $_ := set $secrets $key (dict $file $jwk) }}
{{- $keys := list (omit (fromJson $jwk) "d") }}
{{- $known := lookup "v1" "ConfigMap" $root.Release.Namespace (printf "%s-public-keys" $name) }}
{{- if and $known (hasKey ($known.data | default dict) $file) }}
{{- range (index $known.data $file | fromJson).keys }}
{{- if and (ne .kid (first $keys).kid) (lt (len $keys) 2) }}{{ $keys = append $keys . }}{{ end }}
{{- end }}
{{- end }}
{{- $_ := set $public $file (dict "keys" $keys | toJson) }}
{{- range $service.variables }}
{{- if hasSuffix "_KEY_FILE" . }}
{{- $master := printf "%s-master" $own }}
{{- $_ := set $secrets $master (dict "key" (include "omnichannel.kept" (list $root $master "key" (include "omnichannel.newMasterKey" $root)))) }}
{{- end }}
{{- end }}
{{- range $kind := list "redis" "rabbitmq" "kafka" }}
{{- if has $kind $servers }}
{{- $account := printf "%s-%s" $own $kind }}
{{- $data := dict "username" $service.name "password" (include "omnichannel.kept" (list $root $account "password" (randAlphaNum 32))) }}
{{- if eq $kind "rabbitmq" }}
{{- $_ := set $data "host" (printf "amqp://%s:%s@%s-rabbitmq:5672/" $service.name $data.password $name) }}
{{- end }}
{{- $_ := set $secrets $account $data }}
{{- end }}
{{- end }}
{{- end }}
{{- include "omnichannel.serverSecrets" (dict "root" . "secrets" $secrets "servers" $servers) }}
{{- end }}
{{- $_ := set .Values.prepared "secrets" $secrets }}
{{- $_ := set .Values.prepared "publicKeys" $public }}
{{- end }}

{{/* The accounts of internal servers, as the servers read them. */}}
{{- define "omnichannel.serverSecrets" -}}
{{- $root := .root }}
{{- $secrets := .secrets }}
{{- $name := include "omnichannel.name" $root }}
{{- if has "postgresql" .servers }}
{{- $it := printf "%s-postgresql" $name }}
{{- $_ := set $secrets $it (dict "password" (include "omnichannel.kept" (list $root $it "password" (randAlphaNum 32)))) }}
{{- end }}
{{- if has "redis" .servers }}
{{- $it := printf "%s-redis" $name }}
{{- $trim := include "omnichannel.kept" (list $root $it "trim-password" (randAlphaNum 32)) }}
{{- $acl := $root.Files.Get "files/redis-users.acl" | replace "<password of trim>" $trim }}
{{- range $service := $root.Values.prepared.services }}
{{- $account := get $secrets (printf "%s-%s-redis" $name $service.name) }}
{{- $acl = replace (printf "<password of %s>" $service.name) $account.password $acl }}
{{- end }}
{{- $_ := set $secrets $it (dict "users.acl" $acl "trim-username" "trim" "trim-password" $trim) }}
{{- end }}
{{- if has "rabbitmq" .servers }}
{{- $it := printf "%s-rabbitmq" $name }}
{{- $definitions := $root.Files.Get "files/rabbitmq-definitions.json" | fromJson }}
{{- $users := list }}
{{- range $service := $root.Values.prepared.services }}
{{- $account := get $secrets (printf "%s-%s-rabbitmq" $name $service.name) }}
{{- $users = append $users (dict "name" $service.name "password" $account.password "tags" "") }}
{{- end }}
{{- $_ := set $secrets $it (dict "definitions.json" (set $definitions "users" $users | toJson)) }}
{{- end }}
{{- if has "kafka" .servers }}
{{- $it := printf "%s-kafka" $name }}
{{- $broker := include "omnichannel.kept" (list $root $it "broker-password" (randAlphaNum 32)) }}
{{- $login := "org.apache.kafka.common.security.plain.PlainLoginModule required" }}
{{- $users := printf "user_broker=\"%s\"" $broker }}
{{- range $service := $root.Values.prepared.services }}
{{- $account := get $secrets (printf "%s-%s-kafka" $name $service.name) }}
{{- $users = printf "%s user_%s=\"%s\"" $users $service.name $account.password }}
{{- end }}
{{- $jaas := printf "%s username=\"broker\" password=\"%s\" %s;" $login $broker $users }}
{{- $_ := set $secrets $it (dict "broker-password" $broker "jaas" $jaas) }}
{{- end }}
{{- if has "mosquitto" .servers }}
{{- $it := printf "%s-devices" $name }}
{{- $password := include "omnichannel.kept" (list $root $it "password" (randAlphaNum 32)) }}
{{- $_ := set $secrets $it (dict "password" $password "url" (printf "tcp://platform:%s@%s-mosquitto:1884" $password $name)) }}
{{- end }}
{{- end }}

{{/* A hash of a Secret that this chart makes, or else of the one in the cluster: (list $ "name") */}}
{{- define "omnichannel.secretHash" -}}
{{- $root := index . 0 -}}
{{- $made := get $root.Values.prepared.secrets (index . 1) -}}
{{- if $made -}}
{{ toJson $made | sha256sum }}
{{- else -}}
{{ (lookup "v1" "Secret" $root.Release.Namespace (index . 1) | default dict).data | toJson | sha256sum }}
{{- end -}}
{{- end }}
