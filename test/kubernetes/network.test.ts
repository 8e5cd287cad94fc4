import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type Pod, apply, createNamespace, isReady, kubectl, pods } from './cluster/cluster';
import { DAPR_NAMESPACE } from './cluster/dapr';
import { calls, services } from './cluster/declared';
import { listeningPorts, runInside } from './cluster/processes';
import { NAMESPACE, bus, installed } from './cluster/release';
import { figure } from './cluster/report';
import { NETWORK, API_PORT } from './node/place';

const LONG = 600_000;
const ELSEWHERE = 'elsewhere';
/** The port of a sidecar for other sidecars. */
const CALLS = 50002;
const SERVER_PORTS: Readonly<Record<string, number>> = {
  ...{ redis: 6379, rabbitmq: 5672, kafka: 9092, postgresql: 5432 },
};

interface End {
  readonly name: string;
  readonly pod: Pod;
}

const componentOf = ({ metadata }: Pod) =>
  metadata.labels['app.kubernetes.io/component'] ?? metadata.labels['app'] ?? metadata.name;

/** A pod that has nothing to do with the release, in its namespace or elsewhere. */
const stranger = (namespace: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'stranger', namespace },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: 'stranger',
        image: 'localhost/cluster/tools:1',
        imagePullPolicy: 'Never',
        command: ['sleep', '3600'],
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  },
});

let ends: End[];
let strangers: End[];
let control: End[];
let walked: Map<string, string>;

beforeAll(async () => {
  await installed();
  await createNamespace(ELSEWHERE);
  await apply(stranger(NAMESPACE), stranger(ELSEWHERE));
  await kubectl(['wait', '--for=condition=Ready', 'pod/stranger', '-n', NAMESPACE]);
  await kubectl(['wait', '--for=condition=Ready', 'pod/stranger', '-n', ELSEWHERE]);
  const running = (await pods(NAMESPACE)).filter(isReady);
  const one = (list: Pod[]) => [...new Map(list.map((pod) => [componentOf(pod), pod])).values()];
  ends = one(running.filter(({ metadata }) => metadata.name !== 'stranger')).map((pod) => ({
    name: componentOf(pod),
    pod,
  }));
  strangers = [
    ...running.filter(({ metadata }) => metadata.name === 'stranger'),
    ...(await pods(ELSEWHERE)),
  ].map((pod) => ({ name: `a stranger in ${pod.metadata.namespace}`, pod }));
  control = one(await pods(DAPR_NAMESPACE)).map((pod) => ({ name: componentOf(pod), pod }));
  walked = await walk([...ends, ...strangers], [...ends, ...control, await dns()], [api]);
}, LONG);

afterAll(() =>
  Promise.all(
    [NAMESPACE, ELSEWHERE].map((namespace) =>
      kubectl(['delete', 'pod', 'stranger', '-n', namespace, '--ignore-not-found']),
    ),
  ),
);

async function dns(): Promise<End> {
  const [pod] = await pods('kube-system', 'k8s-app=kube-dns');
  if (pod === undefined) throw new Error('there is no name server');
  return { name: 'dns', pod };
}

interface Address {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}
const api: Address = { name: 'the API server', host: NETWORK.node, port: API_PORT };
const Outcomes = z.array(z.string());

/** Tries every port that each target listens on, from each source; the outcome by `source > target:port`. */
async function walk(
  sources: readonly End[],
  targets: readonly End[],
  others: readonly Address[],
): Promise<Map<string, string>> {
  const addresses: Address[] = targets.flatMap(({ name, pod }) =>
    listeningPorts(pod).map((port) => ({ name, host: pod.status.podIP ?? '', port })),
  );
  addresses.push(...others);
  const found = new Map<string, string>();
  for (const source of sources) {
    const foreign = addresses.filter(({ host }) => host !== source.pod.status.podIP);
    const outcomes = Outcomes.parse(await runInside(source.pod, 'connect.ts', foreign));
    for (const [index, { name, port }] of foreign.entries()) {
      found.set(`${source.name} > ${name}:${port}`, outcomes[index] ?? 'unknown');
    }
  }
  return found;
}

/** The connections that the definitions of the services declare. */
function declared(): string[] {
  const table = services();
  const pairs = Object.entries(table).flatMap(([name, row]) => {
    const usesBus = row.publishes.length + row.subscribes.length > 0;
    return [
      ...Object.keys(calls()[name] ?? {}).map((callee) => `${name} > ${callee}:${CALLS}`),
      `${name} > postgresql:${SERVER_PORTS['postgresql']}`,
      ...(usesBus ? [`${name} > ${bus}:${SERVER_PORTS[bus]}`] : []),
      ...(row.bindings.includes('devices') ? [`${name} > mosquitto:1884`] : []),
      ...(row.endpoints.includes('payment-provider') ? [`${name} > payment-provider:3104`] : []),
      ...(row.jobs ? [`${name} > scheduler:50006`] : []),
      `${name} > operator:6500`,
      `${name} > sentry:50001`,
    ];
  });
  const names = [...ends, ...strangers].map(({ name }) => name);
  // the name server answers everyone; the release does not limit what leaves a pod that is not its own
  const names53 = names.flatMap((name) => [`${name} > dns:53`]);
  return [...pairs, ...names53];
}

const isOpen = ([, outcome]: [string, string]) => outcome === 'open';
const withinRelease = (pair: string) => ends.some(({ name }) => pair.startsWith(`${name} > `));
const toRelease = (pair: string) => ends.some(({ name }) => pair.includes(` > ${name}:`));
/** Ports that everyone may reach, in this release: clients, and devices by MQTT and by gRPC. */
function isPublic(pair: string): boolean {
  const table = services();
  const { httpPort = 0 } = table['gateway'] ?? {};
  const { ingestPort = 0 } = table['iot-gateway'] ?? {};
  return [`gateway:${httpPort}`, `iot-gateway:${ingestPort}`, 'mosquitto:1883'].some((end) =>
    pair.endsWith(` > ${end}`),
  );
}

test('pods of the release reach what is declared, and nothing else', () => {
  const open = [...walked].filter(isOpen).map(([pair]) => pair);
  const ofRelease = open.filter(withinRelease);
  const expected = declared().filter(withinRelease);
  expect(ofRelease.sort()).toEqual(expected.filter((pair) => walked.has(pair)).sort());
  const refused = [...walked].filter((each) => !isOpen(each)).length;
  figure(
    'policy walk',
    `${walked.size} pairs of pod and port, ${ofRelease.length} of ${expected.length} declared are open, ${refused} refused`,
  );
});

test('each declared connection was tried and is open', () => {
  const missing = declared()
    .filter(withinRelease)
    .filter((pair) => walked.get(pair) !== 'open');
  expect(missing).toEqual([]);
});

test('a stranger reaches the ports for clients and devices, and nothing else of the release', () => {
  const open = [...walked].filter(isOpen).map(([pair]) => pair);
  const foreign = open.filter((pair) => pair.startsWith('a stranger') && toRelease(pair));
  expect(foreign.filter((pair) => !isPublic(pair))).toEqual([]);
  // so that the refusals are those of the policies, and not of a stranger without a network
  expect(foreign.filter(isPublic).length).toBe(2 * 3);
});

test('no pod of the release reaches the API of Kubernetes', () => {
  const reached = [...walked].filter(isOpen).filter(([pair]) => pair.includes(api.name));
  expect(reached.map(([pair]) => pair).filter(withinRelease)).toEqual([]);
});

test('a refused connection fails at once, so that no caller waits for it', () => {
  const silent = [...walked].filter(([, outcome]) => outcome === 'silent');
  expect(silent.map(([pair]) => pair)).toEqual([]);
});
