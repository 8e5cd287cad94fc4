#!/bin/bash
# Process 1 of the node. It runs in mount, network, process, host name and IPC namespaces of its own, prepares
# them, prints "prepared", and lives until its input is closed (`held`) or for good (`kept`). Every process of the
# node, and every container, ends with it. Nothing here changes a mount, an interface or a setting of the machine.
#
# init.sh <folder of the node> <host name> <address> <range of Services> <cgroup> <held|kept>
set -euo pipefail
folder=$1 name=$2 address=$3 services=$4 cgroup=$5 until=$6

# Mounts reach from the kubelet into the containers, and not from here to the machine: unshare made them slaves.
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/netns /run/kubelet
# The kubelet's sockets need a short path. Its links to the logs of containers are always in /var/log.
mount --bind "$folder/kubelet" /run/kubelet
mount --bind "$folder/log" /var/log

# The kubelet starts only where these kernel settings have the values that it wants. The kernel has one set of them
# for the whole machine, so the kubelet sees files with those values instead.
wanted="vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000"
mkdir -p "$folder/settings"
for setting in $wanted; do
  file=$folder/settings/$(tr / . <<<"${setting%=*}")
  echo "${setting#*=}" >"$file"
  mount --bind "$file" "/proc/sys/${setting%=*}"
done

# The address of the node is on a bridge: the kubelet refuses one of the loopback interface. A bridge without a
# port is down, so it gets one end of a pair. The default route ends here: nothing reaches another network.
hostname "$name"
ip link set lo up
ip link add node0 type bridge
ip address add "$address/24" dev node0
ip link add port0 type veth peer name port1
ip link set port0 master node0 up
ip link set port1 up
ip link set node0 up
ip route add default dev node0
# A packet to a Service without endpoints stays addressed to the Service. The policies accept it before kube-proxy
# can refuse it, and it would wait 3 s for a neighbour that does not exist. Delivered here it is refused.
ip route add local "$services" dev lo src "$address"
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
# Traffic between two pods on the bridge passes iptables too, where the policies are.
[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables

# All containers are below one cgroup, which the caller removes afterwards.
for controller in /sys/fs/cgroup/*/; do
  mkdir -p "$controller$cgroup" 2>/dev/null || true
done
if [ -d /sys/fs/cgroup/cpuset ]; then
  for file in cpuset.cpus cpuset.mems; do
    cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$cgroup/$file"
  done
  echo 1 >"/sys/fs/cgroup/cpuset/$cgroup/cgroup.clone_children"
fi

echo prepared
# Bash reaps the processes that lose their parent while it waits.
if [ "$until" = kept ]; then
  while :; do
    sleep 3600 &
    wait $! || true
  done
fi
while read -r _; do :; done
