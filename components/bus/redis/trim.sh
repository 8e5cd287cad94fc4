#!/bin/sh
# Takes from every topic of a Redis what trim.lua says, once; to be run every minute or so, as
# deploy/redis-trim.yaml does. What it is given is for redis-cli, and so is the password:
#   REDISCLI_AUTH=... sh trim.sh -h redis.example --tls --user omnichannel
set -eu
script=$(dirname "$0")/trim.lua
cursor=0
while :; do
  # the cursor of the next page, and the topics of this one
  page=$(redis-cli -e "$@" SCAN "$cursor" TYPE stream COUNT 1000)
  cursor=$(echo "$page" | head -n 1)
  for topic in $(echo "$page" | tail -n +2); do
    taken=$(redis-cli -e "$@" --eval "$script" "$topic" , "${KEEP:-50000}")
    [ "$taken" = 0 ] || echo "$topic: $taken taken"
  done
  [ "$cursor" != 0 ] || break
done
