import { beforeAll, expect, test } from '@jest/globals';
import { installDapr } from './cluster/dapr';
import { createNamespace, kubectl } from './cluster/cluster';
import { installDefinitions } from './cluster/definitions';
import { NAMESPACE, RESTRICTED, template } from './cluster/release';
import { figure } from './cluster/report';

const LONG = 600_000;
const PEERS = [{ ipBlock: { cidr: '192.0.2.0/24' } }];

const BUSES = {
  redis: { bus: { kind: 'redis' } },
  rabbitmq: { bus: { kind: 'rabbitmq' } },
  kafka: { bus: { kind: 'kafka' } },
  'external redis': {
    bus: { kind: 'redis', internal: false, address: 'redis:6379', secret: 'bus', peers: PEERS },
  },
  'external rabbitmq': {
    bus: {
      ...{ kind: 'rabbitmq', internal: false, address: 'rabbitmq:5671', tls: true },
      ...{ secret: 'bus-{service}', peers: PEERS },
      management: { url: 'https://rabbitmq:15671', secret: 'bus-admin', peers: PEERS },
    },
  },
  'external kafka': {
    bus: { kind: 'kafka', internal: false, address: 'a:9092,b:9092', secret: 'bus', peers: PEERS },
  },
};
const STATES = {
  postgresql: { state: { kind: 'postgresql' } },
  'external postgresql': {
    state: {
      ...{ kind: 'postgresql', internal: false, address: 'postgres:5432', secret: 'state' },
      ...{ tls: 'verify-full', peers: PEERS },
    },
    caBundleSecret: 'authorities',
  },
};
const SHAPES = {
  plain: {},
  'two replicas, scaled by CPU': {
    defaults: { replicas: 2 },
    autoscaling: { enabled: true },
    priorityClasses: { create: true },
  },
  'scaled by backlog': {
    autoscaling: { enabled: true, keda: { enabled: true, secret: 'keda' } },
  },
  'with an Ingress': { ingress: { enabled: true, host: 'shop.example.com', tlsSecret: 'tls' } },
  'with a Gateway': {
    gatewayApi: { enabled: true, parentRefs: [{ name: 'public', namespace: 'gateways' }] },
  },
  'without optional parts': {
    podDisruptionBudget: { enabled: false },
    topologySpread: { enabled: false },
    networkPolicy: { enabled: false },
    sidecar: { native: false },
  },
};

const combinations = Object.entries(BUSES).flatMap(([busName, bus]) =>
  Object.entries(STATES).flatMap(([stateName, state]) =>
    Object.entries(SHAPES).map(
      ([shape, values]) => [`${busName}, ${stateName}, ${shape}`, [bus, state, values]] as const,
    ),
  ),
);

beforeAll(async () => {
  await installDapr();
  await installDefinitions();
  await createNamespace(NAMESPACE, RESTRICTED);
}, LONG);

let objects = 0;

test.each(combinations)(
  'the API server admits every object of the chart with %s',
  async (_, values) => {
    const text = await template(...values);
    const checked = await kubectl(
      ['apply', '--dry-run=server', '--validate=strict', '-n', NAMESPACE, '-f', '-'],
      { input: text },
    );
    const lines = checked.trim().split('\n');
    expect(lines.every((line) => line.endsWith('(server dry run)'))).toBe(true);
    objects += lines.length;
    if (values === combinations.at(-1)?.[1]) {
      figure('admitted', `${objects} objects of ${combinations.length} combinations of values`);
    }
  },
  LONG,
);
