import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accessOf, certificate, key } from './certificates';
import { CGROUP, NETWORK, NODE_HOME } from './place';

const FOLDER = join(NODE_HOME, 'configuration');
const NETWORKS = join(FOLDER, 'networks');
export const CONTAINERD = join(FOLDER, 'containerd.toml');
export const KUBELET = join(FOLDER, 'kubelet.json');
export const PROXY = join(FOLDER, 'proxy.json');
export const SOCKET = '/run/containerd/containerd.sock';
export const PAUSE = 'localhost/cluster/pause:1';

/** Where the packages of distributions put the plugins of the container network. */
export const PLUGINS = '/usr/lib/cni';

/** Writes the configuration of the node's programs. */
export function writeConfiguration(): void {
  mkdirSync(NETWORKS, { recursive: true });
  writeFileSync(CONTAINERD, containerd());
  writeFileSync(KUBELET, JSON.stringify(kubelet(), null, 2));
  writeFileSync(PROXY, JSON.stringify(proxy(), null, 2));
  writeFileSync(join(NETWORKS, '10-pods.conflist'), JSON.stringify(podNetwork(), null, 2));
}

// `restrict_oom_score_adj` and `disable_apparmor`: what a root user without all capabilities may do.
const containerd = () => `version = 2
root = "${join(NODE_HOME, 'containerd')}"
state = "/run/containerd"
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.tracing",
]

[grpc]
address = "${SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
path = "${join(NODE_HOME, 'containerd', 'opt')}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${PAUSE}"
stream_server_address = "127.0.0.1"
restrict_oom_score_adj = true
disable_apparmor = true
netns_mounts_under_state_dir = true
tolerate_missing_hugetlb_controller = true
disable_hugetlb_controller = true

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "${PLUGINS}"
conf_dir = "${NETWORKS}"
`;

const kubelet = () => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  containerRuntimeEndpoint: `unix://${SOCKET}`,
  cgroupDriver: 'cgroupfs',
  cgroupRoot: `/${CGROUP}`,
  failCgroupV1: false,
  failSwapOn: false,
  oomScoreAdj: 0,
  clusterDNS: [NETWORK.dns],
  clusterDomain: 'cluster.local',
  // The resolver of the machine is none of the cluster's.
  resolvConf: '',
  tlsCertFile: certificate('kubelet'),
  tlsPrivateKeyFile: key('kubelet'),
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: certificate('authority') },
  },
  authorization: { mode: 'Webhook' },
  enforceNodeAllocatable: ['pods'],
  // The disk is shared with everything else on the machine, so its fill level says nothing about the pods.
  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '1%',
    'imagefs.available': '1%',
  },
  imageGCHighThresholdPercent: 100,
  imageGCLowThresholdPercent: 99,
  nodeStatusUpdateFrequency: '5s',
  syncFrequency: '10s',
  volumePluginDir: '/run/kubelet/plugins-of-volumes',
  maxPods: 110,
  // A container that crashed is restarted after 1 s, 2 s, 4 s, 5 s instead of 10 s, 20 s and up to 5 min: tests
  // wait for less, and the recovery itself is the same.
  featureGates: { KubeletCrashLoopBackOffMax: true, ReduceDefaultCrashLoopBackOffDecay: true },
  crashLoopBackOff: { maxContainerRestartPeriod: '5s' },
});

const proxy = () => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'iptables',
  clientConnection: { kubeconfig: accessOf('proxy') },
  clusterCIDR: NETWORK.podsOfNode,
  oomScoreAdj: 0,
  // These are settings of the machine's kernel, which stay as they are.
  conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  iptables: { minSyncPeriod: '200ms', syncPeriod: '30s' },
  nodePortAddresses: [`${NETWORK.node}/32`],
  metricsBindAddress: '127.0.0.1:10249',
  healthzBindAddress: '127.0.0.1:10256',
});

const podNetwork = () => ({
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'pods0',
      isGateway: true,
      isDefaultGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: NETWORK.podsOfNode }]],
        dataDir: '/run/pod-addresses',
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
});
