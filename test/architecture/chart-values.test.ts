import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { z } from 'zod';
import { read } from './tree';

// What templates refuse, with a sentence each, is tested where Helm is: test/kubernetes.

type Values = Readonly<Record<string, unknown>>;

const check = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
  z.record(z.string(), z.unknown()).parse(JSON.parse(read('deploy/chart/values.schema.json'))),
);

const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** As Helm merges: objects key by key, everything else is replaced, and null removes. */
function merged(into: Values, other: Values): Values {
  return Object.entries(other).reduce<Values>((result, [key, value]) => {
    if (value === null) {
      const { [key]: _, ...rest } = result;
      return rest;
    }
    const before = result[key];
    return {
      ...result,
      [key]: isObject(before) && isObject(value) ? merged(before, value) : value,
    };
  }, into);
}

const valuesOf = (name: string) =>
  z.record(z.string(), z.unknown()).parse(parse(read(`deploy/chart/${name}`)));

/** Where the values do not match the schema, with the reason. */
function faults(values: Values): string[] {
  if (check(merged(valuesOf('values.yaml'), values))) return [];
  return (check.errors ?? []).map(({ instancePath, message = '', params }) =>
    `${instancePath} ${message} ${JSON.stringify(params)}`.trim(),
  );
}

describe('the values of the chart match its schema', () => {
  test.each(['values.yaml', 'values-dev.yaml', 'values-staging.yaml', 'values-production.yaml'])(
    '%s',
    (name) => {
      expect(faults(valuesOf(name))).toEqual([]);
    },
  );

  test('every value of values.yaml is in the schema, and the other way round', () => {
    const schema = z
      .object({ properties: z.record(z.string(), z.unknown()) })
      .parse(JSON.parse(read('deploy/chart/values.schema.json')));
    const known = Object.keys(schema.properties).filter((name) => name !== 'global');
    expect(known.sort()).toEqual(Object.keys(valuesOf('values.yaml')).sort());
  });
});

const order = (values: Values) => ({ services: { order: values } });

describe('a misspelt or impossible value is refused, with the path', () => {
  test.each<[string, Values, string]>([
    ['a section that does not exist', { buss: {} }, 'buss'],
    ['a value that does not exist', { bus: { knd: 'redis' } }, 'knd'],
    ['another broker', { bus: { kind: 'nats' } }, '/bus/kind'],
    ['another database', { state: { kind: 'mysql' } }, '/state/kind'],
    ['another broker of devices', { devices: { kind: 'emqx' } }, '/devices/kind'],
    ['a section that is removed', { stop: null }, 'stop'],
    ['a value that is removed', { networkPolicy: { dns: null } }, 'dns'],
    ['a default that is removed', { defaults: { resources: null } }, 'resources'],
    ['a word for a switch', { bus: { internal: 'yes' } }, '/bus/internal'],
    ['an address without a port', { bus: { address: 'broker' } }, '/bus/address'],
    ['an address with a scheme', { state: { address: 'tcp://db:5432' } }, '/state/address'],
    ['a TLS mode that does not exist', { state: { tls: 'on' } }, '/state/tls'],
    ['another SASL mechanism', { bus: { saslMechanism: 'GSSAPI' } }, '/bus/saslMechanism'],
    ['a peer that is an address', { bus: { peers: ['10.0.0.1'] } }, '/bus/peers/0'],
    ['a network without a prefix', { bus: { peers: [{ ipBlock: { cidr: '10.0.0.1' } }] } }, 'cidr'],
    ['a misspelt peer', { bus: { peers: [{ ipblock: {} }] } }, 'ipblock'],
    ['a Secret with capitals', { caBundleSecret: 'Authorities' }, '/caBundleSecret'],
    ['another placeholder in a Secret', { bus: { secret: 'bus-{app}' } }, '/bus/secret'],
    ['a short digest', { image: { digest: 'sha256:abc' } }, '/image/digest'],
    ['a tag with a space', { image: { tag: 'a b' } }, '/image/tag'],
    ['a repository with capitals', { image: { repository: 'Omnichannel' } }, '/image/repository'],
    ['another pull policy', { image: { pullPolicy: 'Sometimes' } }, '/image/pullPolicy'],
    ['a fraction of a replica', order({ replicas: 1.5 }), '/services/order/replicas'],
    ['fewer than no replicas', order({ replicas: -1 }), '/services/order/replicas'],
    ['a misspelt setting of a service', order({ replica: 2 }), 'replica'],
    ['a memory in words', order({ resources: { limits: { memory: '1 GB' } } }), 'memory'],
    ['a misspelt resource', order({ resources: { limit: {} } }), 'limit'],
    ['a variable in small letters', order({ env: { colour: 'red' } }), 'env'],
    ['a list as a variable', order({ env: { COLOUR: ['red'] } }), '/services/order/env/COLOUR'],
    ['a Secret without its key', order({ secretEnv: { A: { secret: 's' } } }), 'key'],
    ['variables for all services', { defaults: { env: { A: 'b' } } }, '/defaults'],
    ['another log level', { defaults: { logLevel: 'verbose' } }, '/defaults/logLevel'],
    ['a drain shorter than a handler', { stop: { drainSeconds: 10 } }, '/stop/drainSeconds'],
    ['no time for callers to notice', { stop: { preStopSeconds: 0 } }, '/stop/preStopSeconds'],
    ['a provider without a scheme', { paymentProvider: { url: 'pay.example' } }, 'url'],
    ['a header without a Secret', { paymentProvider: { headers: [{ name: 'A' }] } }, 'headers/0'],
    ['an admin without an address', { admin: { email: 'admin' } }, '/admin/email'],
    ['a proxy by name', { gateway: { trustedProxies: ['proxy'] } }, 'trustedProxies/0'],
    ['an origin with a path', { gateway: { corsOrigins: ['https://a/b'] } }, 'corsOrigins/0'],
    ['a port below those of nodes', { gateway: { service: { nodePort: 80 } } }, 'nodePort'],
    ['a type of Service that does not exist', { gateway: { service: { type: 'Public' } } }, 'type'],
    ['a host with a scheme', { ingress: { host: 'https://a' } }, '/ingress/host'],
    ['a share of CPU above all', { autoscaling: { cpuPercent: 200 } }, 'cpuPercent'],
    ['no DNS', { networkPolicy: { dns: [] } }, '/networkPolicy/dns'],
    [
      'a binding that is none',
      { notifications: { email: { type: 'smtp', version: 'v1' } } },
      'type',
    ],
    ['a binding without a version', { notifications: { sms: { type: 'bindings.http' } } }, 'sms'],
    ['a schedule of four fields', { trim: { schedule: '* * * *' } }, '/trim/schedule'],
    ['a volume in words', { internal: { storage: 'large' } }, '/internal/storage'],
  ])('%s', (_, values, path) => {
    expect(faults(values).join('\n')).toContain(path);
  });
});
