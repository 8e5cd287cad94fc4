import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { CloudEvent } from '#kit/messages/cloud-event';
import { defineEvent, defineRequest } from '#kit/messages/contract';
import { Service } from '#kit/service/service';
import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import { busComponents, serviceCalls } from '../../scripts/docs/components.mjs';
import { documents } from '../../scripts/docs/documents.mjs';
import { BASE } from '../../services/gateway/app';
import { openapi } from '../../services/gateway/openapi/document';
import { routes } from '../../services/gateway/routes/table';
import { contracts, filesOf, read, services } from './tree';

const Scoped = z.object({
  spec: z.object({ metadata: z.array(z.object({ name: z.string(), value: z.string() })) }),
});

const Happened = defineEvent('Happened', {
  type: 'thing.happened',
  description: 'It did.',
  data: z.object({ id: z.string() }),
  subject: ({ id }) => id,
});

test('what is said and heard is in the documents', () => {
  const mouth = new Service('mouth', { publishes: [Happened] });
  const ear = new Service('ear', {});
  const edge = new Service('edge', { calls: { mouth: OperationsService } });
  ear.on(Happened, async () => undefined);
  const house = {
    services: [ear, edge, mouth],
    contracts: [Happened],
    envelope: CloudEvent,
    edge: {},
  };
  const written = documents(house);
  expect(written.get('topology.md')).toContain('mouth -. "thing.happened" .-> ear');
  expect(written.get('topology.md')).toContain('edge --> mouth');
  expect(written.get('topology.md')).toContain('edge([edge])');
  expect(JSON.parse(written.get('asyncapi.json') ?? '')).toMatchObject({
    operations: { 'mouth.says.Happened': {}, 'ear.hears.Happened': {} },
    components: { schemas: { Happened: { required: ['id'] } } },
  });
});

test('what an event was before is in the documents beside what it is', () => {
  const upcast = (data: unknown) => data;
  const earlier = [{ version: 1, data: z.object({ old: z.string() }), upcast }];
  const Changed = defineEvent('Happened', {
    ...{ type: 'thing.happened', description: 'It did.', subject: () => '' },
    ...{ version: 2, data: z.object({ id: z.string() }), earlier },
  });
  const written = documents({
    ...{ services: [], contracts: [Changed], envelope: CloudEvent, edge: {} },
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

test('what is asked and answered over the bus is in the documents', () => {
  const AskThing = defineRequest('AskThing', {
    ...{ type: 'thing.ask', description: 'What is it?', subject: () => '' },
    ...{ data: z.object({ id: z.string() }), answer: z.object({ name: z.string() }) },
  });
  const asker = new Service('asker', { asks: [AskThing] });
  const answerer = new Service('answerer', {});
  answerer.answers(AskThing, async () => ({ name: 'thing' }));
  const written = documents({
    ...{ services: [asker, answerer], contracts: [AskThing], envelope: CloudEvent, edge: {} },
  });
  expect(written.get('topology.md')).toContain('asker -. "thing.ask (request)" .-> answerer');
  expect(JSON.parse(written.get('asyncapi.json') ?? '')).toMatchObject({
    operations: {
      'asker.asks.AskThing': { action: 'send' },
      'answerer.answers.AskThing': {
        action: 'receive',
        reply: { address: { location: '$message.payload#/replyto' } },
      },
    },
    components: { schemas: { AskThing: { required: ['id'] }, AskThingAnswer: {} } },
  });
});

test('docs/ is what `npm run docs` writes now', async () => {
  const house = {
    services: await services(),
    contracts: [...(await contracts()).keys()],
    envelope: CloudEvent,
    edge: openapi(BASE, routes),
  };
  const there = new Map(filesOf('docs').map(({ path, text }) => [path, text]));
  const stale = [...documents(house)].filter(([name, text]) => there.get(`docs/${name}`) !== text);
  expect(stale.map(([name]) => name)).toEqual([]);
});

test('the schemas can be read in any language: no pattern looks around or back', () => {
  const [asyncapi] = filesOf('docs').filter(({ path }) => path === 'docs/asyncapi.json');
  const patterns = [...(asyncapi?.text.matchAll(/"pattern": "(.*)"/g) ?? [])].map(([, it]) => it);
  expect(patterns.length).toBeGreaterThan(0);
  // neither RE2 (Go, Rust, ...) nor the interoperable subset of JSON Schema has them
  expect(patterns.filter((pattern) => /\(\?[=!<]|\\\\[1-9]/.test(pattern ?? ''))).toEqual([]);
});

test('a service may say and hear on the bus what its definition says', () => {
  const mouth = new Service('mouth', { publishes: [Happened] });
  const ear = new Service('ear', {});
  ear.on(Happened, async () => undefined);
  const path = 'components/bus/pigeon/bus.yaml';
  const written = busComponents([ear, mouth], new Map([[path, 'spec:\n  metadata:\n']]));
  const { spec } = Scoped.parse(parse(written.get(path) ?? ''));
  expect(Object.fromEntries(spec.metadata.map(({ name, value }) => [name, value]))).toEqual({
    publishingScopes: 'ear=; mouth=thing.happened',
    subscriptionScopes: 'ear=thing.happened; mouth=',
  });
  // and once more, over what was written
  expect(busComponents([ear, mouth], written).get(path)).toBe(written.get(path));
});

test('a service may ask on the bus what its definition says, and be answered there', () => {
  const Ask = defineRequest('Ask', {
    ...{ type: 'thing.ask', description: 'What is it?', subject: () => '' },
    ...{ data: z.object({}), answer: z.object({}) },
  });
  const asker = new Service('asker', { asks: [Ask] });
  const answerer = new Service('answerer', {});
  answerer.answers(Ask, async () => ({}));
  const written = busComponents(
    [answerer, asker],
    new Map([['components/bus/pigeon/bus.yaml', 'spec:\n  metadata:\n']]),
  );
  const { spec } = Scoped.parse(parse(written.get('components/bus/pigeon/bus.yaml') ?? ''));
  expect(spec.metadata.map(({ value }) => value)).toEqual([
    'answerer=asker.replies; asker=thing.ask',
    'answerer=thing.ask; asker=asker.replies',
  ]);
});

test('who calls whom is what the definitions say, and of others what was written by hand', () => {
  const services = [
    new Service('edge', { calls: { mouth: OperationsService, ear: OperationsService } }),
    new Service('ear', {}),
  ];
  const others = { watch: ['ear'] };
  const written = serviceCalls(services, JSON.stringify({ services: { gone: ['ear'] }, others }));
  expect(JSON.parse(written)).toEqual({ services: { edge: ['ear', 'mouth'] }, others });
});

test('the services check who calls whom by what `npm run docs` writes now', async () => {
  const there = read('components/calls.json');
  expect(serviceCalls(await services(), there)).toBe(there);
});

test('the components of the bus are what `npm run docs` writes now', async () => {
  const there = new Map(filesOf('components/bus').map(({ path, text }) => [path, text]));
  const written = [...busComponents(await services(), there)];
  expect(written.filter(([path, text]) => there.get(path) !== text).map(([path]) => path)).toEqual(
    [],
  );
});
