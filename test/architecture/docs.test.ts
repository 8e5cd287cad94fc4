import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { CloudEvent } from '#kit/messages/cloud-event';
import { defineEvent, defineRequest } from '#kit/messages/contract';
import { Service } from '#kit/service/service';
import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import { busComponents, serviceCalls } from '../../scripts/docs/components.mjs';
import { documents } from '../../scripts/docs/documents.mjs';
import { openapi } from '../../services/gateway/openapi/document';
import { BASE, routes } from '../../services/gateway/routes/table';
import { contracts, filesOf, read, services } from './tree';

const Scoped = z.object({
  spec: z.object({ metadata: z.array(z.object({ name: z.string(), value: z.string() })) }),
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
  const edge = new Service('edge', { calls: { publisher: OperationsService } });
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
    new Service('edge', { calls: { order: OperationsService, device: OperationsService } }),
    new Service('device', {}),
  ];
  const others = { watch: ['device'] };
  const written = serviceCalls(
    services,
    JSON.stringify({ services: { removed: ['device'] }, others }),
  );
  expect(JSON.parse(written)).toEqual({ services: { edge: ['device', 'order'] }, others });
});

test('components/calls.json is up to date: `npm run docs` would change nothing', async () => {
  const there = read('components/calls.json');
  expect(serviceCalls(await services(), there)).toBe(there);
});

test('components/bus is up to date: `npm run docs` would change nothing', async () => {
  const there = new Map(filesOf('components/bus').map(({ path, text }) => [path, text]));
  const written = [...busComponents(await services(), there)];
  expect(written.filter(([path, text]) => there.get(path) !== text).map(([path]) => path)).toEqual(
    [],
  );
});
