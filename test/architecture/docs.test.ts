import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { KitConfig } from '#kit/core/config';
import { CloudEvent } from '#kit/messages/cloud-event';
import { defineEvent, defineRequest } from '#kit/messages/contract';
import { methods } from '#kit/service/definition';
import { Service } from '#kit/service/service';
import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { busComponents, serviceCalls, eventPublishers } from '../../scripts/docs/components.mjs';
import { documents } from '../../scripts/docs/documents.mjs';
import { environment, sidecarConfigurations } from '../../scripts/docs/sidecars.mjs';
import { openapi } from '../../services/gateway/openapi/document';
import { BASE, routes } from '../../services/gateway/routes/table';
import { contracts, filesOf, read, services } from './tree';

const Scoped = z.object({
  spec: z.object({ metadata: z.array(z.object({ name: z.string(), value: z.string() })) }),
});

const Rule = z.object({ name: z.string(), version: z.string(), protocol: z.string() });
const Configuration = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({ tracing: z.unknown(), api: z.object({ allowed: z.array(Rule) }) }),
});
const RunFile = z.object({
  apps: z.array(z.object({ appID: z.string(), configFilePath: z.string() })),
});

const Happened = defineEvent('Happened', {
  type: 'thing.happened',
  description: 'A thing happened.',
  data: z.object({ id: z.string() }),
  subject: ({ id }) => id,
});

test('the documents contain publishers, subscribers and callers', () => {
  const publisher = new Service('publisher', { publishes: [Happened] });
  const subscriber = new Service('subscriber', {});
  const edge = new Service('edge', {
    calls: { publisher: methods(OperationsService, 'getStatus') },
  });
  subscriber.on(Happened, async () => undefined);
  const system = {
    services: [edge, publisher, subscriber],
    contracts: [Happened],
    envelope: CloudEvent,
    edge: {},
  };
  const written = documents(system);
  expect(written.get('topology.md')).toContain('publisher -. "thing.happened" .-> subscriber');
  expect(written.get('topology.md')).toContain('edge --> publisher');
  expect(written.get('topology.md')).toContain('edge([edge])');
  expect(JSON.parse(written.get('asyncapi.json') ?? '')).toMatchObject({
    operations: { 'publisher.publishes.Happened': {}, 'subscriber.handles.Happened': {} },
    components: { schemas: { Happened: { required: ['id'] } } },
  });
});

test('the documents contain the earlier versions of an event beside the newest', () => {
  const upcast = (data: unknown) => data;
  const earlierVersions = [{ version: 1, data: z.object({ old: z.string() }), upcast }];
  const Changed = defineEvent('Happened', {
    type: 'thing.happened',
    description: 'A thing happened.',
    subject: () => '',
    version: 2,
    data: z.object({ id: z.string() }),
    earlierVersions,
  });
  const written = documents({
    services: [],
    contracts: [Changed],
    envelope: CloudEvent,
    edge: {},
  });
  const ofVersion = (version: number) => ({
    payload: { allOf: [{}, { properties: { eventversion: { const: version } } }] },
  });
  expect(JSON.parse(written.get('asyncapi.json') ?? '')).toMatchObject({
    channels: { 'thing.happened': { messages: { Happened: {}, HappenedV1: {} } } },
    components: {
      messages: { Happened: ofVersion(2), HappenedV1: ofVersion(1) },
      schemas: { Happened: { required: ['id'] }, HappenedV1: { required: ['old'] } },
    },
  });
});

test('the documents contain requests over the bus and their answers', () => {
  const AskThing = defineRequest('AskThing', {
    type: 'thing.ask',
    description: 'Returns the name of a thing.',
    subject: () => '',
    data: z.object({ id: z.string() }),
    reply: z.object({ name: z.string() }),
  });
  const sender = new Service('sender', { requests: [AskThing] });
  const answerer = new Service('answerer', {});
  answerer.onRequest(AskThing, async () => ({ name: 'thing' }));
  const written = documents({
    services: [answerer, sender],
    contracts: [AskThing],
    envelope: CloudEvent,
    edge: {},
  });
  expect(written.get('topology.md')).toContain('sender -. "thing.ask (request)" .-> answerer');
  expect(JSON.parse(written.get('asyncapi.json') ?? '')).toMatchObject({
    operations: {
      'sender.requests.AskThing': { action: 'send' },
      'answerer.answers.AskThing': {
        action: 'receive',
        reply: { address: { location: '$message.payload#/replyto' } },
      },
    },
    components: { schemas: { AskThing: { required: ['id'] }, AskThingAnswer: {} } },
  });
});

test('docs/ is up to date: `npm run docs` would change nothing', async () => {
  const system = {
    services: await services(),
    contracts: [...(await contracts()).keys()],
    envelope: CloudEvent,
    edge: openapi(BASE, routes),
  };
  const there = new Map(filesOf('docs').map(({ path, text }) => [path, text]));
  const stale = [...documents(system)].filter(([name, text]) => there.get(`docs/${name}`) !== text);
  expect(stale.map(([name]) => name)).toEqual([]);
});

test('the schemas are portable: no pattern has a lookaround or a backreference', () => {
  const [asyncapi] = filesOf('docs').filter(({ path }) => path === 'docs/asyncapi.json');
  const patterns = [...(asyncapi?.text.matchAll(/"pattern": "(.*)"/g) ?? [])].map(([, it]) => it);
  expect(patterns.length).toBeGreaterThan(0);
  // RE2 (Go, Rust and others) and the interoperable subset of JSON Schema lack them
  expect(patterns.filter((pattern) => /\(\?[=!<]|\\\\[1-9]/.test(pattern ?? ''))).toEqual([]);
});

test('a service may publish and subscribe to the topics of its definition', () => {
  const publisher = new Service('publisher', { publishes: [Happened] });
  const subscriber = new Service('subscriber', {});
  subscriber.on(Happened, async () => undefined);
  const path = 'components/bus/pigeon/bus.yaml';
  const written = busComponents([publisher, subscriber], new Map([[path, 'spec:\n  metadata:\n']]));
  const { spec } = Scoped.parse(parse(written.get(path) ?? ''));
  expect(Object.fromEntries(spec.metadata.map(({ name, value }) => [name, value]))).toEqual({
    publishingScopes: 'publisher=thing.happened; subscriber=',
    subscriptionScopes: 'publisher=; subscriber=thing.happened',
  });
  // a second run replaces the scopes with the same ones
  expect(busComponents([publisher, subscriber], written).get(path)).toBe(written.get(path));
});

test('a service may send the requests of its definition and receive their replies', () => {
  const Ask = defineRequest('Ask', {
    type: 'thing.ask',
    description: 'Returns the name of a thing.',
    subject: () => '',
    data: z.object({}),
    reply: z.object({}),
  });
  const sender = new Service('sender', { requests: [Ask] });
  const answerer = new Service('answerer', {});
  answerer.onRequest(Ask, async () => ({}));
  const written = busComponents(
    [answerer, sender],
    new Map([['components/bus/pigeon/bus.yaml', 'spec:\n  metadata:\n']]),
  );
  const { spec } = Scoped.parse(parse(written.get('components/bus/pigeon/bus.yaml') ?? ''));
  expect(spec.metadata.map(({ value }) => value)).toEqual([
    'answerer=sender.replies; sender=thing.ask',
    'answerer=thing.ask; sender=sender.replies',
  ]);
});

test('the permitted calls come from the definitions, and those of other apps are kept', () => {
  const services = [
    new Service('edge', {
      calls: {
        order: methods(UserService, 'refresh', 'login'),
        device: methods(UserService, 'login'),
      },
      operations: ['getStatus'],
    }),
    new Service('device', {}),
  ];
  const others = { watch: { device: ['retail.user.v1.UserService/Login'] } };
  const written = serviceCalls(
    services,
    JSON.stringify({ services: { removed: others.watch }, others }),
  );
  expect(JSON.parse(written)).toEqual({
    services: {
      edge: {
        device: [
          'retail.operations.v1.OperationsService/GetStatus',
          'retail.user.v1.UserService/Login',
        ],
        order: [
          'retail.operations.v1.OperationsService/GetStatus',
          'retail.user.v1.UserService/Login',
          'retail.user.v1.UserService/Refresh',
        ],
      },
    },
    others,
  });
});

test('components/calls.json is up to date: `npm run docs` would change nothing', async () => {
  const there = read('components/calls.json');
  expect(serviceCalls(await services(), there)).toBe(there);
});

test('the publishers of each topic come from the definitions, and those of other apps are kept', () => {
  const Ask = defineRequest('Ask', {
    type: 'thing.ask',
    description: 'Returns the name of a thing.',
    subject: () => '',
    data: z.object({}),
    reply: z.object({}),
  });
  const answerer = new Service('answerer', { publishes: [Happened] });
  answerer.onRequest(Ask, async () => ({}));
  const all = [answerer, new Service('sender', { requests: [Ask] }), new Service('silent', {})];
  const others = { watch: ['thing.happened'] };
  const written = eventPublishers(all, JSON.stringify({ services: { removed: ['x'] }, others }));
  expect(JSON.parse(written)).toEqual({
    services: { answerer: [Happened.type, 'sender.replies'].sort(), sender: ['thing.ask'] },
    others,
  });
});

test('components/publishers.json is up to date: `npm run docs` would change nothing', async () => {
  const there = read('components/publishers.json');
  expect(eventPublishers(await services(), there)).toBe(there);
});

test('a sidecar opens the APIs that the definition of its service needs, and no others', () => {
  const common = 'metadata: { name: common }\nspec: { tracing: { samplingRate: "0" } }\n';
  const publisher = new Service('publisher', { publishes: [Happened] });
  const subscriber = new Service('subscriber', { endpoints: ['bank'] });
  subscriber.every('sweep', '@every 1m', async () => undefined);
  const written = sidecarConfigurations([publisher, subscriber], ['simulator'], common);
  const allowed = (app: string) => {
    const { metadata, spec } = Configuration.parse(
      parse(written.get(`components/sidecars/${app}.yaml`) ?? ''),
    );
    expect({ metadata, tracing: spec.tracing }).toEqual({
      metadata: { name: app },
      tracing: { samplingRate: '0' },
    });
    return spec.api.allowed.map(({ name, version, protocol }) => `${protocol} ${name} ${version}`);
  };
  const bindings = ['http bindings v1', 'grpc bindings v1'];
  expect(allowed('publisher')).toEqual([
    ...['http state v1', 'http publish v1', 'http publish v1alpha1'],
    ...bindings,
  ]);
  expect(allowed('subscriber')).toEqual([
    ...['http state v1', 'http jobs v1', 'http invoke v1'],
    ...bindings,
  ]);
  expect(allowed('simulator')).toEqual(bindings);
});

test('the environment of a service is what its definition reads', () => {
  const services = [new Service('reader', { config: z.object({ SECRET: z.string() }) })];
  expect(JSON.parse(environment(services, z.object({ PORT: z.string() })))).toEqual({
    common: ['PORT'],
    services: { reader: ['SECRET'] },
  });
});

test('components/sidecars and components/environment.json are up to date', async () => {
  const all = await services();
  const names = all.map(({ name }) => name);
  const run = RunFile.parse(parse(read('dapr.yaml')));
  const ids = run.apps.map(({ appID }) => appID);
  const others = ids.filter((app) => !names.includes(app));
  const there = new Map(filesOf('components/sidecars').map(({ path, text }) => [path, text]));
  const written = sidecarConfigurations(all, others, read('components/configuration.yaml'));
  expect(Object.fromEntries(there)).toEqual(Object.fromEntries(written));
  expect(read('components/environment.json')).toBe(environment(all, KitConfig));
  // and each sidecar is started with its own
  expect(run.apps.map(({ configFilePath }) => configFilePath)).toEqual(
    ids.map((app) => `./components/sidecars/${app}.yaml`),
  );
});

test('components/bus is up to date: `npm run docs` would change nothing', async () => {
  const there = new Map(filesOf('components/bus').map(({ path, text }) => [path, text]));
  const written = [...busComponents(await services(), there)];
  expect(written.filter(([path, text]) => there.get(path) !== text).map(([path]) => path)).toEqual(
    [],
  );
});
