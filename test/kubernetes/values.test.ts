import { expect, test } from '@jest/globals';
import { tryHelm } from './cluster/cluster';
import { CHART, RELEASE, type Values, withValues } from './cluster/release';

const PEERS = [{ ipBlock: { cidr: '192.0.2.0/24' } }];
const external = { internal: false, address: 'server:1', secret: 'account', peers: PEERS };
const without = (name: string) =>
  Object.fromEntries(Object.entries(external).filter(([key]) => key !== name));
const autoscaled = (own: object) => ({ order: { autoscaling: { enabled: true, ...own } } });

/** Values that are misspelt or contradict each other, and the sentence that refuses them. */
const BROKEN: readonly [what: string, values: Values, sentence: RegExp][] = [
  [
    'a service that does not exist',
    { services: { ordr: {} } },
    /services\.ordr: there is no service of this name/,
  ],
  [
    'a variable that the service does not read',
    { services: { order: { env: { COLOUR: 'red' } } } },
    /order does not read the variable COLOUR/,
  ],
  [
    'a variable that the chart sets',
    { services: { order: { env: { PORT: '1' } } } },
    /the chart sets PORT itself/,
  ],
  [
    'the file of a master key',
    { services: { user: { env: { USER_KEY_FILE: 'x' } } } },
    /the chart sets USER_KEY_FILE itself/,
  ],
  [
    'a variable from two places',
    {
      services: {
        delivery: {
          env: { DELIVERY_HOME: 'DE' },
          secretEnv: { DELIVERY_HOME: { secret: 's', key: 'k' } },
        },
      },
    },
    /DELIVERY_HOME is in env and in secretEnv/,
  ],
  [
    'replicas that need a client id each',
    { services: { 'iot-gateway': { autoscaling: { enabled: true } } } },
    /iot-gateway cannot be scaled automatically/,
  ],
  ['an address of an internal broker', { bus: { address: 'a:1' } }, /bus\.address is set, and bus/],
  ['a secret of an internal store', { state: { secret: 's' } }, /state\.secret is set, and state/],
  [
    'peers of an internal broker',
    { bus: { peers: PEERS } },
    /bus\.peers is set, and bus\.internal/,
  ],
  ['an external broker without address', { bus: without('address') }, /bus\.address is missing/],
  ['an external broker without secret', { bus: without('secret') }, /bus\.secret is missing/],
  ['an external broker without peers', { bus: without('peers') }, /bus\.peers is missing/],
  ['an external store without address', { state: without('address') }, /state\.address is missing/],
  ['an external store without peers', { state: without('peers') }, /state\.peers is missing/],
  ['TLS at an internal broker', { bus: { tls: true } }, /internal servers have no TLS/],
  ['TLS at an internal store', { state: { tls: 'require' } }, /internal servers have no TLS/],
  [
    'a way of TLS that Redis does not have',
    { bus: { kind: 'rabbitmq' }, state: { ...external, kind: 'redis', tls: 'require' } },
    /for Redis it is disable or verify-full/,
  ],
  [
    'one Redis inside and one outside',
    { bus: { ...external, kind: 'redis' }, state: { kind: 'redis' } },
    /both redis, one internal and one external/,
  ],
  [
    'a management API of Redis',
    { bus: { ...external, management: { url: 'http://a:1', secret: 's', peers: PEERS } } },
    /only an external RabbitMQ has it/,
  ],
  [
    'a management API without account',
    { bus: { ...external, kind: 'rabbitmq', management: { url: 'http://a:1', peers: PEERS } } },
    /needs url and secret, or neither/,
  ],
  [
    'a management API without peers',
    { bus: { ...external, kind: 'rabbitmq', management: { url: 'http://a:1', secret: 's' } } },
    /bus\.management\.peers is missing/,
  ],
  [
    'RabbitMQ for devices inside',
    { devices: { kind: 'rabbitmq' } },
    /only mosquitto can be internal/,
  ],
  ['a secret of internal devices', { devices: { secret: 's' } }, /devices\.internal is true/],
  [
    'external devices without secret',
    { devices: { internal: false } },
    /devices\.secret is missing/,
  ],
  [
    'external devices without peers',
    { devices: { internal: false, secret: 's' } },
    /devices\.peers is missing/,
  ],
  [
    'a real and a simulated provider',
    { paymentProvider: { url: 'https://a' } },
    /paymentProvider\.simulated is true/,
  ],
  ['no provider', { paymentProvider: { simulated: false } }, /paymentProvider\.url is missing/],
  [
    'a provider without peers',
    { paymentProvider: { simulated: false, url: 'https://a' } },
    /paymentProvider\.peers is missing/,
  ],
  [
    'a tag and a digest',
    { image: { tag: '1', digest: `sha256:${'0'.repeat(64)}` } },
    /image\.tag and image\.digest are both set/,
  ],
  [
    'more replicas at least than at most',
    { autoscaling: { minReplicas: 5, maxReplicas: 2 } },
    /minReplicas is 5, more than/,
  ],
  [
    'the same for one service',
    { services: autoscaled({ minReplicas: 4, maxReplicas: 3 }) },
    /services\.order\.autoscaling: minReplicas is 4/,
  ],
  [
    'KEDA without scaling',
    { autoscaling: { keda: { enabled: true } } },
    /autoscaling\.enabled is false/,
  ],
  ['an Ingress without host', { ingress: { enabled: true } }, /ingress\.host is missing/],
  ['TLS without Ingress', { ingress: { tlsSecret: 't' } }, /ingress\.enabled is false/],
  [
    'a route without Gateway',
    { gatewayApi: { enabled: true } },
    /gatewayApi\.parentRefs is missing/,
  ],
  [
    'a port of the node without NodePort',
    { gateway: { service: { nodePort: 30000 } } },
    /gateway\.service\.nodePort is set/,
  ],
  [
    'a monitor without its operator',
    { metrics: { podMonitor: true } },
    /the cluster has no Prometheus operator/,
  ],
];

test.each(BROKEN)('%s is refused with a sentence', async (_, values, sentence) => {
  const { code, stderr } = await tryHelm([
    ...['template', RELEASE, CHART, '--kube-version', '1.34.3'],
    ...['--api-versions', 'dapr.io/v1alpha1', ...withValues(values)],
  ]);
  expect(stderr).toMatch(sentence);
  expect(code).not.toBe(0);
});
