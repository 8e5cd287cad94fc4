import { describe, expect, test } from '@jest/globals';
import { chooseTransports, withTransports } from '../../scripts/start/transports.mjs';
import { endpoints, runFile, scopes, simulators, targets, transports } from './deployment';
import { transportWords } from './rules';
import { apps, filesOf, read, services } from './tree';

describe('dapr.yaml, ports and folders agree', () => {
  const run = (app: string) => `
    common: { appProtocol: grpc }
    apps:
      - ${app}`;
  const good = `{ appID: user, appPort: 13001, command: [./node_modules/.bin/node, dist/services/user/main.js], env: { PORT: '3001' } }`;

  test.each([
    ['another PORT', good.replace("'3001'", "'3002'"), 'user has PORT 3002, not 3001'],
    [
      'another appPort',
      good.replace('13001', '3001'),
      'user has appPort 3001, which does not match',
    ],
    ['another program', good.replace('user/main', 'order/main'), 'user does not run dist/services'],
    ['an app without a folder', good.replace('ID: user', 'ID: shop'), 'shop has no folder'],
    [
      'a port twice',
      `${good}\n      - ${good.replaceAll('user', 'tax')}`,
      'port 3001 is used twice',
    ],
    ['an app twice', `${good}\n      - ${good}`, 'user runs twice'],
  ])('%s is caught', (_, app, fault) => {
    expect(runFile(run(app), ['user'])).toContainEqual(expect.stringContaining(fault));
  });

  test('a folder that dapr.yaml does not run is caught', () => {
    expect(runFile(run(good), ['user', 'order'])).toEqual(['dapr.yaml does not run order']);
  });

  test('a correct file passes', () => {
    expect(runFile(run(good), ['user'])).toEqual([]);
  });

  test('dapr.yaml complies', () => {
    expect(runFile(read('dapr.yaml'), apps())).toEqual([]);
  });
});

describe('HTTP endpoints are declared, and each simulator is the target of one', () => {
  const component = {
    path: 'components/bank.yaml',
    text: 'kind: HTTPEndpoint\nmetadata: { name: bank }\nscopes: [user]\nspec: { baseUrl: "http://127.0.0.1:3104" }',
  };
  const run = (PORT: string) => `
    common: { appProtocol: grpc }
    apps: [{ appID: bank-simulator, command: [node], env: { PORT: '${PORT}' } }]`;

  test('an endpoint that is not declared for its caller is caught', () => {
    expect(endpoints([{ service: 'user', endpoint: 'bank' }], [component])).toEqual([]);
    expect(endpoints([{ service: 'user', endpoint: 'post' }], [component])).toHaveLength(1);
    expect(endpoints([{ service: 'order', endpoint: 'bank' }], [component])).toHaveLength(1);
  });

  test('a simulator without an endpoint is caught', () => {
    expect(simulators(run('3104'), [component])).toEqual([]);
    expect(simulators(run('3105'), [component])).toEqual([
      'bank-simulator has no appPort, and no HTTPEndpoint has port 3105',
    ]);
  });

  test('the services comply', async () => {
    const called = (await services()).flatMap(({ name: service, definition }) =>
      (definition.endpoints ?? []).map((endpoint) => ({ service, endpoint })),
    );
    expect(called).not.toEqual([]);
    expect(endpoints(called, filesOf('components'))).toEqual([]);
    expect(simulators(read('dapr.yaml'), filesOf('components'))).toEqual([]);
  });
});

describe('components are scoped to existing apps', () => {
  test('an unknown app is caught', () => {
    expect(scopes([{ path: 'components/x.yaml', text: 'scopes: [ordr]' }], ['order'])).toHaveLength(
      1,
    );
  });

  test('the components comply', () => {
    const components = filesOf('components').filter(({ path }) => path.endsWith('.yaml'));
    expect(scopes(components, apps())).toEqual([]);
  });
});

describe('each called app and each endpoint is a target in resiliency.yaml', () => {
  test('a called app without a target is caught', () => {
    const text = 'spec: { targets: { apps: { user: {} } } }';
    expect(targets(text, ['user', 'order'])).toEqual([expect.stringMatching(/^order is called/)]);
  });

  test('resiliency.yaml complies', async () => {
    const called = (await services()).flatMap(({ definition }) => [
      ...Object.keys(definition.calls ?? {}),
      ...(definition.endpoints ?? []),
    ]);
    // the gateway calls every service
    const behind = apps().filter((app) => app !== 'gateway');
    expect(targets(read('components/resiliency.yaml'), [...called, ...behind])).toEqual([]);
  });
});

describe('a broker or a database is chosen by a folder of components only', () => {
  const component = (name: string, type: string) =>
    `kind: Component\nmetadata: { name: ${name} }\nspec: { type: ${type} }\n`;
  const good = component('bus', 'pubsub.pigeon');

  test.each([
    ['another name', component('pigeons', 'pubsub.pigeon'), 'pigeons of type pubsub.pigeon'],
    ['another type', component('bus', 'pubsub.raven'), 'bus of type pubsub.raven'],
    ['a second component', `${good}---\n${component('state', 'state.pigeon')}`, 'state.pigeon'],
  ])('%s is caught', (_, text, fault) => {
    const path = 'components/bus/pigeon/bus.yaml';
    expect(transports([{ path, text: good }])).toEqual([]);
    expect(transports([{ path, text }])).toEqual([expect.stringContaining(fault)]);
  });

  test('a broker of devices has their protocol', () => {
    const path = 'components/devices/pigeon/devices.yaml';
    const right = component('devices', 'bindings.mqtt3');
    expect(transports([{ path, text: right }])).toEqual([]);
    const text = component('devices', 'bindings.pigeon');
    expect(transports([{ path, text }])).toEqual([expect.stringContaining('bindings.pigeon')]);
  });

  test('a source file that names one is caught', () => {
    const text = 'first\n// as Kafka does it';
    expect(transportWords([{ path: 'kit/host.ts', text }])).toEqual([
      'kit/host.ts:2 mentions Kafka',
    ]);
  });

  test('the components and sources comply', () => {
    expect(transports(filesOf('components'))).toEqual([]);
    // as in imports.test.ts
    const others = [
      'services/payment/simulator/',
      'services/gateway/rate-limits/shared-counters.ts',
      // one adapter for each database of components/read-store
      'kit/adapters/read-store/',
    ];
    const beside = ['kit', 'contracts', 'proto', 'services']
      .flatMap(filesOf)
      .filter(({ path }) => !others.some((start) => path.startsWith(start)));
    expect(transportWords(beside)).toEqual([]);
  });

  test('`npm start` with another transport changes only its folder in dapr.yaml', () => {
    const text = read('dapr.yaml');
    expect(withTransports(text, chooseTransports({}))).toBe(text);
    const chosen = { bus: 'kafka', state: 'postgresql', devices: 'rabbitmq' };
    const other = withTransports(text, chooseTransports(chosen));
    const before = text.split('\n');
    const changed = other.split('\n').filter((line, index) => line !== before[index]);
    expect(changed.map((line) => line.trim())).toEqual([
      '- ./components/bus/kafka',
      '- ./components/devices/rabbitmq',
      '- ./components/state/postgresql',
    ]);
  });
});
