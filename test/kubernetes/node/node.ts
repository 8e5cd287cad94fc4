import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../harness/until';
import { run } from './run';
import {
  KUBELET_ADMINS,
  TOKENS,
  accessOf,
  certificate,
  createCertificates,
  key,
} from './certificates';
import { CONTAINERD, KUBELET, PROXY, SOCKET, writeConfiguration } from './configuration';
import {
  API_PORT,
  CGROUP,
  HOME,
  IMAGES,
  KUBECONFIG,
  NETWORK,
  NODE,
  NODE_HOME,
  program,
} from './place';
import { storageManifests } from './storage';

const PID = join(NODE_HOME, 'pid');
const LOGS = join(NODE_HOME, 'logs');
const ETCD = 'http://127.0.0.1:2379';
const START_MS = 60_000;
const READY_MS = 120_000;
/** Folders that are new at each start. The images of containerd are kept: importing them takes seconds. */
const EMPTIED = ['etcd', 'kubelet', 'log', 'logs', 'volumes'];

/** How long the node lives: as long as this process, or until `down`. */
export type Lifetime = 'held' | 'kept';

/** The process 1 of the node, if it runs. */
export function pidOfNode(): number | undefined {
  if (!existsSync(PID)) return undefined;
  const pid = Number(readFileSync(PID, 'utf8'));
  return existsSync(`/proc/${pid}/ns/net`) ? pid : undefined;
}

/** A command that enters the namespaces of the node. */
export const inNode = (...command: string[]): [string, string[]] => [
  'nsenter',
  [
    ...['--target', String(pidOfNode() ?? 0), '--mount', '--net', '--pid', '--uts', '--ipc', '--'],
    ...command,
  ],
];

/** A command that runs in the network of the node, and sees everything else of the machine. */
export const inNetwork = (...command: string[]): [string, string[]] => [
  'nsenter',
  ['--target', String(pidOfNode() ?? 0), '--net', '--', ...command],
];

/** Runs kubectl as the administrator of the cluster; returns what it prints. */
async function kubectl(...args: string[]): Promise<string> {
  return run(...inNode(program('kubectl'), '--kubeconfig', KUBECONFIG, ...args));
}

/** Starts the node, and waits until it runs pods and answers names. `log` gets a line for each step. */
export async function up(lifetime: Lifetime, log: (line: string) => void): Promise<void> {
  await down();
  const begun = performance.now();
  const done = (what: string) => {
    log(`${((performance.now() - begun) / 1000).toFixed(1).padStart(5)} s  ${what}`);
  };
  for (const name of EMPTIED) {
    rmSync(join(NODE_HOME, name), { recursive: true, force: true });
    mkdirSync(join(NODE_HOME, name), { recursive: true, mode: name === 'etcd' ? 0o700 : 0o755 });
  }
  createCertificates();
  writeConfiguration();
  await prepare(lifetime);
  const importing = startContainerd();
  await startControlPlane();
  done('the API server is ready');
  await importing;
  done('the images are imported');
  startAgents();
  await applyManifests();
  await until('the node', () => kubectl('get', 'node', NODE), START_MS);
  startPolicies();
  await kubectl('wait', '--for=condition=Ready', `node/${NODE}`, `--timeout=${READY_MS / 1000}s`);
  done('the node is ready');
  await rolledOut('kube-system', 'deployment/dns');
  done('names resolve');
}

/** Ends the node and everything in it, and removes what it left on the machine. */
export async function down(): Promise<void> {
  const pid = pidOfNode();
  if (pid !== undefined) {
    process.kill(pid, 'SIGKILL');
    await until('the end of the node', () => !existsSync(`/proc/${pid}`), START_MS);
  }
  rmSync(PID, { force: true });
  await until('the cgroups of the node to be empty', removeCgroups);
}

const rolledOut = (namespace: string, what: string) =>
  kubectl('-n', namespace, 'rollout', 'status', what, `--timeout=${READY_MS / 1000}s`);

/** Starts process 1 in namespaces of its own. */
async function prepare(lifetime: Lifetime): Promise<void> {
  const script = join(__dirname, 'init.sh');
  const command = [NODE_HOME, NODE, NETWORK.node, NETWORK.services, CGROUP, lifetime];
  const log = openSync(join(LOGS, 'init.log'), 'a');
  const unshare = spawn(
    'unshare',
    [
      ...['--mount', '--net', '--pid', '--uts', '--ipc', '--propagation', 'slave'],
      ...['--fork', '--kill-child', '--mount-proc', '--', 'bash', script, ...command],
    ],
    {
      stdio: [lifetime === 'held' ? 'pipe' : 'ignore', log, log],
      detached: lifetime === 'kept',
    },
  );
  unshare.unref();
  // an open pipe would keep this process alive
  (unshare.stdin as { unref?: () => void } | null)?.unref?.();
  const child = await until('process 1 of the node', () => childOf(unshare));
  writeFileSync(PID, String(child));
  await until('the namespaces of the node', () => {
    const text = readFileSync(join(LOGS, 'init.log'), 'utf8');
    if (unshare.exitCode !== null) throw new Error(text);
    return text.includes('prepared');
  });
}

function childOf({ pid }: ChildProcess): number | undefined {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return child === undefined || child === '' ? undefined : Number(child);
}

/** Starts a program of the node; its output is in the folder of logs. */
function start(name: string, file: string, args: readonly string[], env = process.env): void {
  const log = openSync(join(LOGS, `${name}.log`), 'a');
  const [command, words] = inNode(file, ...args);
  // it ends with process 1
  spawn(command, words, { stdio: ['ignore', log, log], detached: true, env }).unref();
}

async function startContainerd(): Promise<void> {
  start('containerd', 'containerd', ['--config', CONTAINERD]);
  await until('containerd', () => run(...inNode('ctr', '--address', SOCKET, 'version')), START_MS);
  await importImages();
}

/** Imports the images that are new or changed. The kubelet looks for images in the namespace k8s.io. */
export async function importImages(): Promise<void> {
  const imported = join(NODE_HOME, 'imported');
  mkdirSync(imported, { recursive: true });
  for (const file of existsSync(IMAGES) ? readdirSync(IMAGES).sort() : []) {
    if (!file.endsWith('.tar')) continue;
    const { mtimeMs, size } = statSync(join(IMAGES, file));
    const stamp = `${mtimeMs} ${size}`;
    const known = join(imported, file);
    if (existsSync(known) && readFileSync(known, 'utf8') === stamp) continue;
    const ctr = ['ctr', '--address', SOCKET, '--namespace', 'k8s.io'];
    await run(...inNode(...ctr, 'images', 'import', join(IMAGES, file)));
    writeFileSync(known, stamp);
  }
}

async function startControlPlane(): Promise<void> {
  start('etcd', program('etcd'), [
    ...['--data-dir', join(NODE_HOME, 'etcd')],
    ...['--listen-client-urls', ETCD, '--advertise-client-urls', ETCD],
    ...['--listen-peer-urls', 'http://127.0.0.1:2380'],
    ...['--initial-advertise-peer-urls', 'http://127.0.0.1:2380'],
    ...['--initial-cluster', 'default=http://127.0.0.1:2380'],
    // The cluster does not outlive its process, so nothing is lost with the power.
    '--unsafe-no-fsync',
  ]);
  start('apiserver', program('kube-apiserver'), apiServerArgs());
  await until('the API server', () => kubectl('get', '--raw', '/readyz'), START_MS);
  const loopback = ['--bind-address=127.0.0.1', '--leader-elect=false'];
  // They check the requests for their own metrics with these files, and nobody sends any.
  const unchecked = ['--authentication-kubeconfig=', '--authorization-kubeconfig='];
  start('controllers', program('kube-controller-manager'), [
    ...[`--kubeconfig=${accessOf('controllers')}`, ...loopback, ...unchecked],
    ...[`--service-account-private-key-file=${TOKENS.private}`],
    ...[`--root-ca-file=${certificate('authority')}`, '--use-service-account-credentials=true'],
    ...['--allocate-node-cidrs=true', `--cluster-cidr=${NETWORK.pods}`, '--node-cidr-mask-size=24'],
    // With its default limits its controllers start 5 s later.
    ...['--kube-api-qps=500', '--kube-api-burst=1000'],
    // The autoscaler looks more often than in production, and waits less for a new pod.
    '--horizontal-pod-autoscaler-sync-period=5s',
    '--horizontal-pod-autoscaler-initial-readiness-delay=5s',
    '--horizontal-pod-autoscaler-cpu-initialization-period=10s',
    '--horizontal-pod-autoscaler-downscale-stabilization=30s',
  ]);
  start('scheduler', program('kube-scheduler'), [
    ...[`--kubeconfig=${accessOf('scheduler')}`, ...loopback, ...unchecked],
  ]);
  await kubectl(
    ...['create', 'clusterrolebinding', KUBELET_ADMINS],
    ...['--clusterrole=cluster-admin', `--group=${KUBELET_ADMINS}`],
  );
}

const apiServerArgs = () => [
  ...[`--etcd-servers=${ETCD}`, '--bind-address=0.0.0.0', `--advertise-address=${NETWORK.node}`],
  ...[`--secure-port=${API_PORT}`, `--service-cluster-ip-range=${NETWORK.services}`],
  ...[`--tls-cert-file=${certificate('api')}`, `--tls-private-key-file=${key('api')}`],
  ...[`--client-ca-file=${certificate('authority')}`, '--authorization-mode=Node,RBAC'],
  ...['--enable-admission-plugins=NodeRestriction', '--allow-privileged=true'],
  ...[`--kubelet-certificate-authority=${certificate('authority')}`],
  ...[`--kubelet-client-certificate=${certificate('api-to-kubelet')}`],
  ...[`--kubelet-client-key=${key('api-to-kubelet')}`],
  '--kubelet-preferred-address-types=InternalIP',
  // Metrics are another server's: it gets the requests for them with these names.
  ...[`--requestheader-client-ca-file=${certificate('front-authority')}`],
  ...['--requestheader-allowed-names=front-proxy', '--enable-aggregator-routing=true'],
  ...['--requestheader-username-headers=X-Remote-User'],
  ...['--requestheader-group-headers=X-Remote-Group'],
  ...['--requestheader-extra-headers-prefix=X-Remote-Extra-'],
  ...[
    `--proxy-client-cert-file=${certificate('front')}`,
    `--proxy-client-key-file=${key('front')}`,
  ],
  '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
  ...[`--service-account-key-file=${TOKENS.public}`],
  ...[`--service-account-signing-key-file=${TOKENS.private}`],
];

/** The kubelet and the proxy of Services. */
function startAgents(): void {
  start('kubelet', program('kubelet'), [
    ...[`--config=${KUBELET}`, `--kubeconfig=${accessOf('node')}`, `--hostname-override=${NODE}`],
    ...[`--node-ip=${NETWORK.node}`, '--root-dir=/run/kubelet'],
  ]);
  start('proxy', program('kube-proxy'), [`--config=${PROXY}`, `--hostname-override=${NODE}`]);
}

/** The enforcement of network policies, which needs the node to be known. */
function startPolicies(): void {
  start('policies', program('kube-router'), [
    ...['--run-firewall=true', '--run-router=false', '--run-service-proxy=false'],
    ...['--run-loadbalancer=false', `--kubeconfig=${KUBECONFIG}`, `--hostname-override=${NODE}`],
    ...[`--service-cluster-ip-range=${NETWORK.services}`, '--service-node-port-range=30000-32767'],
    ...['--metrics-port=0', '--health-port=0', '--v=1'],
  ]);
}

async function applyManifests(): Promise<void> {
  for (const name of ['dns.yaml', 'metrics.yaml']) {
    await kubectl('apply', '-f', join(__dirname, name));
  }
  const storage = join(HOME, 'storage.yaml');
  writeFileSync(storage, storageManifests());
  await kubectl('apply', '-f', storage);
}

/** True when none is left. A cgroup stays for a moment after its last process. */
async function removeCgroups(): Promise<boolean> {
  const roots = readdirSync('/sys/fs/cgroup').map((name) => join('/sys/fs/cgroup', name, CGROUP));
  for (const root of roots.filter((folder) => existsSync(folder))) {
    try {
      removeTree(root);
    } catch {
      await sleep(100);
    }
  }
  return !roots.some((folder) => existsSync(folder));
}

/** A cgroup is removed by removing its folder; the files in it are the kernel's. */
function removeTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  }
  rmdirSync(folder);
}
