#!/bin/sh
# Runs trim.lua once on every topic of a Redis. Schedule it about every minute, as
# deploy/chart does. The arguments and the password are passed to redis-cli; KEEP is the
# number of entries up to which a topic is left alone (50000):
#   REDISCLI_AUTH=... sh trim.sh -h redis.example --tls --user omnichannel
set -eu
script=$(dirname "$0")/trim.lua
cursor=0
while :; do
  # The first line is the cursor of the next page, the others are topics.
  page=$(redis-cli -e "$@" SCAN "$cursor" TYPE stream COUNT 1000)
  cursor=$(echo "$page" | head -n 1)
  for topic in $(echo "$page" | tail -n +2); do
    deleted=$(redis-cli -e "$@" --eval "$script" "$topic" , "${KEEP:-50000}")
    [ "$deleted" = 0 ] || echo "$topic: $deleted entries deleted"
  done
  [ "$cursor" != 0 ] || break
done
