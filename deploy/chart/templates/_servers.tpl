{{/*
How an internal server starts: start.sh, and its configuration. Each is a single process without a wrapper of its
image, so that it runs as its user on a read-only root. /data lasts, /run/server does not. (list $ "kind")
*/}}
{{- define "omnichannel.serverFiles" -}}
{{- $root := index . 0 -}}{{- $kind := index . 1 -}}
{{- if eq $kind "redis" -}}
start.sh: |
  set -eu
  # An event that the broker has acknowledged is on its disk.
  exec redis-server --dir /data --appendonly yes --appendfsync always --save '' \
    --protected-mode no --aclfile /etc/server-secret/users.acl
{{- else if eq $kind "postgresql" -}}
start.sh: |
  set -eu
  data=/data/postgresql
  if [ ! -e "$data" ]; then
    rm -rf "$data.new"
    initdb -D "$data.new" -U omnichannel -A scram-sha-256 --pwfile=/etc/server-secret/password -E UTF8 --no-instructions
    echo 'host all all all scram-sha-256' >> "$data.new/pg_hba.conf"
    echo 'CREATE DATABASE omnichannel' | postgres --single -D "$data.new" postgres
    mv "$data.new" "$data"
  fi
  # 8 connections of each sidecar
  exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/run/server -c max_connections=400
{{- else if eq $kind "rabbitmq" -}}
start.sh: |
  set -eu
  export HOME=/data RABBITMQ_NODENAME=omnichannel@localhost
  export RABBITMQ_MNESIA_BASE=/data/mnesia RABBITMQ_LOG_BASE=/data/log RABBITMQ_LOGS=-
  export RABBITMQ_CONFIG_FILE=/etc/server/rabbitmq.conf RABBITMQ_ENABLED_PLUGINS_FILE=/etc/server/enabled_plugins
  export RABBITMQ_PID_FILE=/run/server/rabbitmq.pid ERL_EPMD_ADDRESS=127.0.0.1
  export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}'
  exec rabbitmq-server
rabbitmq.conf: |
  load_definitions = /etc/server-secret/definitions.json
  log.console.level = warning
  # Above the 4 MiB that a sidecar sends and accepts.
  max_message_size = 4500000
enabled_plugins: |
  [].
{{- else if eq $kind "kafka" -}}
start.sh: |
  set -eu
  cat /etc/server/server.properties > /run/server/server.properties
  {
    echo "advertised.listeners=CLIENTS://$ADDRESS:9092"
    echo "listener.name.clients.plain.sasl.jaas.config=$(cat /etc/server-secret/jaas)"
    echo "listener.name.controller.plain.sasl.jaas.config=$(cat /etc/server-secret/jaas)"
  } >> /run/server/server.properties
  export LOG_DIR=/tmp/log KAFKA_HEAP_OPTS='-Xms256m -Xmx512m'
  kafka-storage.sh format --standalone --ignore-formatted -t b21uaWNoYW5uZWwta2Fma2 -c /run/server/server.properties
  exec kafka-server-start.sh /run/server/server.properties
server.properties: |
  process.roles=broker,controller
  node.id=1
  listeners=CLIENTS://:9092,CONTROLLER://127.0.0.1:9093
  controller.listener.names=CONTROLLER
  controller.quorum.bootstrap.servers=127.0.0.1:9093
  listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
  inter.broker.listener.name=CLIENTS
  sasl.enabled.mechanisms=PLAIN
  sasl.mechanism.inter.broker.protocol=PLAIN
  sasl.mechanism.controller.protocol=PLAIN
  log.dirs=/data/kafka
  offsets.topic.replication.factor=1
  transaction.state.log.replication.factor=1
  transaction.state.log.min.isr=1
  # The number of events of one type that are handled concurrently.
  num.partitions=16
  offsets.topic.num.partitions=1
  message.max.bytes=4500000
  num.recovery.threads.per.data.dir=4
  group.initial.rebalance.delay.ms=0
{{- else if eq $kind "mosquitto" -}}
start.sh: |
  set -eu
  umask 077
  mkdir -p /data/accounts
  mosquitto_passwd -c -b /data/accounts/platform-passwords platform "$PLATFORM_PASSWORD"
  cp /etc/server/platform-acl /data/accounts/platform-acl
  # The accounts of devices are written by their synchronisation.
  touch /data/accounts/passwords /data/accounts/acl
  exec mosquitto -c /etc/server/mosquitto.conf
mosquitto.conf: |
  pid_file /run/server/mosquitto.pid
  {{- $root.Files.Get "files/mosquitto.conf" | nindent 2 }}
platform-acl: |
  {{- $root.Files.Get "files/mosquitto-platform-acl" | nindent 2 }}
{{- end -}}
{{- end }}
