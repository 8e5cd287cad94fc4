import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { CloudEvent } from '#kit/messages/cloud-event';
import { type Contract, defineCommand, defineEvent, defineRequest } from '#kit/messages/contract';
import { MESSAGE_VERSIONS } from '#contracts/device-messages';
import {
  CHANGELOG,
  type Release,
  closeUnreleased,
  contractFaults,
  releaseChanges,
  releaseOf,
  unreleasedEntries,
} from '../../scripts/contracts/released-contracts.mjs';
import { protoFaults } from '../../scripts/contracts/released-proto.mjs';
import { schemaChanges } from '../../scripts/contracts/schema-changes.mjs';
import { jsonSchema } from '../../scripts/docs/json-schema.mjs';
import { contracts, read, root } from './tree';

/** How a schema of zod differs from another, in words. */
const changes = (before: z.ZodType, after: z.ZodType) =>
  schemaChanges(
    jsonSchema(before, { annotations: false }),
    jsonSchema(after, { annotations: false }),
  );

describe('a released schema', () => {
  const price = z.object({ amount: z.string(), currency: z.string() });
  const base = z.object({
    id: z.string().min(1).max(64),
    channel: z.enum(['cash', 'card']),
    price,
    note: z.string().optional(),
    items: z.array(z.object({ count: z.int() })).min(1),
  });
  const withField = (name: string, schema: z.ZodType) => base.extend({ [name]: schema });

  test.each<[string, z.ZodType]>([
    ['an optional field', withField('colour', z.string().optional())],
    [
      'an optional field of an inner object',
      withField('price', price.extend({ vat: z.int().optional() })),
    ],
    [
      'an optional field of an item',
      withField('items', z.array(z.object({ count: z.int(), size: z.int().optional() })).min(1)),
    ],
    ['a description', withField('id', z.string().min(1).max(64).describe('The id.'))],
    ['another order of the values', withField('channel', z.enum(['card', 'cash']))],
  ])('may get %s', (_, after) => {
    expect(changes(base, after)).toEqual([]);
  });

  test.each<[string, z.ZodType]>([
    ['`data.note` was removed', base.omit({ note: true })],
    ['`data.price.currency` was removed', withField('price', price.omit({ currency: true }))],
    ['`data.colour` was added and is required', withField('colour', z.string())],
    ['`data.note` became required', withField('note', z.string())],
    ['`data.id` became optional', withField('id', z.string().min(1).max(64).optional())],
    ['`data.id` is number instead of string', withField('id', z.number())],
    ['maxLength of `data.id` is 32 instead of 64', withField('id', z.string().min(1).max(32))],
    ['maxLength of `data.id` is 128 instead of 64', withField('id', z.string().min(1).max(128))],
    ['`data.id` lost maxLength 64', withField('id', z.string().min(1))],
    [
      '`data.note` got pattern "^[a-z]+$"',
      withField(
        'note',
        z
          .string()
          .regex(/^[a-z]+$/)
          .optional(),
      ),
    ],
    ['`data.note` got default "none"', withField('note', z.string().default('none').optional())],
    ['`data.channel` can no longer be "card"', withField('channel', z.enum(['cash']))],
    ['`data.channel` can also be "app"', withField('channel', z.enum(['cash', 'card', 'app']))],
    ['`data.channel` is no longer limited', withField('channel', z.string())],
    ['`data.note` is limited to "a" or "b"', withField('note', z.enum(['a', 'b']).optional())],
    [
      '`data.note` is string or null instead of string',
      withField('note', z.string().nullable().optional()),
    ],
    [
      '`data.items[].count` is string instead of integer',
      withField('items', z.array(z.object({ count: z.string() })).min(1)),
    ],
    ['minItems of `data.items` is 2 instead of 1', withField('items', base.shape.items.min(2))],
    ['`data` is array instead of object', z.array(base)],
  ])('must stay as it is: %s', (change, after) => {
    expect(changes(base, after)).toEqual([change]);
  });

  test('may get an optional field in each alternative, but no other alternative', () => {
    const count = z.object({ mode: z.literal('count'), pieces: z.int() });
    const delta = z.object({ mode: z.literal('delta'), change: z.int() });
    const before = z.discriminatedUnion('mode', [count, delta]);
    const union = (...options: Parameters<typeof z.discriminatedUnion>[1]) =>
      z.discriminatedUnion('mode', options as [typeof count, typeof delta]);
    expect(changes(before, union(delta, count.extend({ at: z.string().optional() })))).toEqual([]);
    expect(changes(before, union(count, delta.extend({ change: z.string() })))).toEqual([
      '`data[mode=delta].change` is string instead of integer',
    ]);
    expect(changes(before, union(count))).toEqual(['`data` can no longer be mode=delta']);
    expect(changes(before, union(count, delta, z.object({ mode: z.literal('none') })))).toEqual([
      '`data` can also be mode=none',
    ]);
  });

  test('of a record must keep the schema of its values and gets no named fields', () => {
    const before = z.record(z.string().max(8), z.number());
    expect(changes(before, z.record(z.string().max(8), z.number()))).toEqual([]);
    expect(changes(before, z.record(z.string().max(9), z.number()))).toHaveLength(1);
    expect(changes(before, z.record(z.string().max(8), z.int()))).toHaveLength(1);
    const named = { ...jsonSchema(before), properties: { other: { type: 'string' as const } } };
    expect(schemaChanges(jsonSchema(before), named)).toEqual(['`data.other` was added']);
  });

  test('must keep every keyword that the comparison does not know', () => {
    const before = { type: 'object' as const };
    expect(schemaChanges(before, { ...before, dependentRequired: { a: ['b'] } })).toEqual([
      '`data` got dependentRequired {"a":["b"]}',
    ]);
  });
});

describe('a released contract', () => {
  const V1 = z.object({ orderId: z.string(), total: z.int() });
  const shape = {
    type: 'order.created',
    description: 'An order was created.',
    data: V1,
    subject: ({ orderId }: { orderId: string }) => orderId,
  };
  const upcast = (data: unknown) => data;
  const earlierVersions = [{ version: 1, data: V1, upcast }];
  const V2 = z.object({ orderId: z.string(), total: z.string() });
  const released = defineEvent('OrderCreated', shape);

  const release = (...all: Contract[]) => releaseOf(all, CloudEvent);
  /** The sentences for a change, where the section Unreleased has these lines. */
  const faults = (after: Contract | undefined, entries = '', before: Contract = released) =>
    contractFaults(
      release(before),
      release(...(after ? [after] : [])),
      `# Changelog\n\n## Unreleased\n\n${entries}\n\n## 2026-01-31\n\n- \`Old\` version 1: gone.\n`,
    );

  test('may stay, get an optional field, or get a contract beside it', () => {
    expect(faults(released)).toEqual([]);
    const more = V1.extend({ note: z.string().optional() });
    expect(faults(defineEvent('OrderCreated', { ...shape, data: more, public: true }))).toEqual([]);
    const other = defineEvent('OrderShipped', { ...shape, type: 'order.shipped' });
    expect(contractFaults(release(released), release(released, other), '')).toEqual([]);
  });

  test('that changes in place fails, with the way to a new version', () => {
    const data = z.object({ orderId: z.string() });
    expect(faults(defineEvent('OrderCreated', { ...shape, data }))).toEqual([
      'OrderCreated (order.created) version 1 is released and must not change, but `data.total` was removed; publish the change as version 2 and keep version 1 in `earlierVersions` with an upcaster.',
    ]);
    // no entry in the changelog excuses it
    const entry = '- `OrderCreated` version 1: the total is gone.';
    expect(faults(defineEvent('OrderCreated', { ...shape, data }), entry)).toHaveLength(1);
  });

  test.each<[string, Contract]>([
    [
      'its subject is {total} instead of {orderId}',
      defineEvent('OrderCreated', { ...shape, subject: ({ total }) => String(total) }),
    ],
    [
      'its subject is {orderId}:{total} instead of {orderId}',
      defineEvent('OrderCreated', { ...shape, subject: (data) => `${data.orderId}:${data.total}` }),
    ],
    ['its name is OrderMade instead of OrderCreated', defineEvent('OrderMade', shape)],
  ])('that changes its meaning fails: %s', (change, after) => {
    expect(faults(after)).toEqual([
      `OrderCreated (order.created) version 1 is released and must not change, but ${change}; publish the change as version 2 and keep version 1 in \`earlierVersions\` with an upcaster.`,
    ]);
  });

  test('that is no longer readable by earlier readers fails', () => {
    const second = { ...shape, version: 2, earlierVersions };
    const before = defineEvent('OrderCreated', { ...second, minVersion: 1 });
    expect(faults(defineEvent('OrderCreated', second), '', before)).toEqual([
      expect.stringContaining(
        'but its minVersion is 2 instead of 1; publish the change as version 3',
      ),
    ]);
  });

  test('that becomes another kind fails', () => {
    expect(faults(defineCommand('OrderCreated', shape))).toEqual([
      'OrderCreated (order.created) is released as event and became command; define the command with a type of its own instead.',
    ]);
  });

  test('of a request must keep its answer as well', () => {
    const ask = (reply: z.ZodType) =>
      defineRequest('CountOrders', { ...shape, type: 'order.count', reply });
    const before = ask(z.object({ count: z.int() }));
    expect(faults(ask(z.object({})), '', before)).toEqual([
      expect.stringContaining('but `answer.count` was removed; publish the change as version 2'),
    ]);
    const more = z.object({ count: z.int(), oldest: z.string().optional() });
    expect(faults(ask(more), '', before)).toEqual([]);
  });

  test('may get a version that the earlier readers can read', () => {
    const data = V1.extend({ channel: z.string() });
    const after = defineEvent('OrderCreated', {
      ...shape,
      data,
      version: 2,
      earlierVersions,
      minVersion: 1,
    });
    expect(faults(after)).toEqual([]);
  });

  test('may get a version that the earlier readers cannot read, once it is announced', () => {
    const after = defineEvent('OrderCreated', { ...shape, data: V2, version: 2, earlierVersions });
    expect(faults(after)).toEqual([
      'OrderCreated (order.created) version 2 cannot be read by subscribers that know version 1 only; announce it as "- `OrderCreated` version 2: ..." in docs/CHANGELOG-contracts.md.',
    ]);
    expect(faults(after, '- `OrderCreated` version 2: the total is text.')).toEqual([]);
    expect(faults(after, '- `OrderCreated` version 1: the total is text.')).toHaveLength(1);
  });

  test('with another subject in a new version is announced too', () => {
    const after = defineEvent('OrderCreated', {
      ...shape,
      ...{ data: V1, version: 2, earlierVersions, minVersion: 1 },
      subject: ({ total }) => String(total),
    });
    expect(faults(after)).toHaveLength(1);
    expect(faults(after, '- `OrderCreated` version 2: its subject is the total.')).toEqual([]);
  });

  test('keeps its earlier versions as they were', () => {
    const changed = [{ version: 1, data: z.object({ orderId: z.string() }), upcast }];
    const after = defineEvent('OrderCreated', {
      ...shape,
      data: V2,
      version: 2,
      earlierVersions: changed,
    });
    expect(faults(after, '- `OrderCreated` version 2: the total is text.')).toEqual([
      'OrderCreated (order.created) version 1 is released and must not change, but `data.total` was removed; restore it and put the change into version 2.',
    ]);
  });

  test('is read in each released version until the end of one is announced', () => {
    const before = defineEvent('OrderCreated', { ...shape, data: V2, version: 2, earlierVersions });
    const after = defineEvent('OrderCreated', { ...shape, data: V2, version: 2 });
    expect(faults(after, '', before)).toEqual([
      'OrderCreated (order.created) version 1 is released and can no longer be read; keep version 1 in `earlierVersions` with an upcaster, or announce its removal as "- `OrderCreated` version 1: ..." in docs/CHANGELOG-contracts.md.',
    ]);
    expect(faults(after, '- `OrderCreated` version 1: no longer read.', before)).toEqual([]);
  });

  test('is removed, or made private, only when that is announced', () => {
    const entry = '- `OrderCreated` version 1: use order.placed.';
    expect(faults(undefined)).toEqual([
      'OrderCreated (order.created) is released and was removed; restore it, or announce its removal as "- `OrderCreated` version 1: ..." in docs/CHANGELOG-contracts.md.',
    ]);
    expect(faults(undefined, entry)).toEqual([]);
    const open = defineEvent('OrderCreated', { ...shape, public: true });
    expect(faults(released, '', open)).toEqual([
      expect.stringContaining(
        'OrderCreated (order.created) is released as public and no longer is',
      ),
    ]);
    expect(faults(released, entry, open)).toEqual([]);
  });

  test('is not excused by an entry of an earlier release', () => {
    const old = defineEvent('Old', { ...shape, type: 'old.thing' });
    expect(faults(undefined, '', old)).toHaveLength(1);
  });

  test('keeps its envelope', () => {
    const envelope = CloudEvent.omit({ tenantid: true });
    expect(contractFaults(release(released), releaseOf([released], envelope), '')).toEqual([
      'The CloudEvents envelope is read by every subscriber and has no versions, but `envelope.tenantid` was removed; add an optional attribute instead.',
    ]);
  });

  test('of a device keeps the reader of each version', () => {
    const kinds = (...versions: z.ZodType[]) => releaseOf([], CloudEvent, { sale: versions });
    const sale = z.object({ pieces: z.int().default(1) });
    const other = z.object({ count: z.int() });
    expect(contractFaults(kinds(sale), kinds(sale), '')).toEqual([]);
    expect(contractFaults(kinds(sale), kinds(other), '')).toEqual([
      'device sale (retail/+/+/sale) version 1 is released and must not change, but `data.pieces` was removed and `data.count` was added and is required; publish the change as version 2 and keep the reader of version 1.',
    ]);
  });
});

describe('the changelog', () => {
  const text =
    '# Log\n\n## Unreleased\n\n- `A` version 2: x.\n- `proto/a/v1`: y.\n\n## 2026-01-31\n';

  test('announces what its section Unreleased lists', () => {
    expect(unreleasedEntries(text)).toEqual(new Set(['A 2', 'proto/a/v1']));
    expect(unreleasedEntries('# Log\n\n## 2026-01-31\n\n- `A` version 2: x.\n')).toEqual(new Set());
  });

  test('dates the entries when they are released', () => {
    const closed = closeUnreleased(text, '2026-02-28');
    expect(closed).toContain('## Unreleased\n\n## 2026-02-28\n\n- `A` version 2: x.');
    expect(unreleasedEntries(closed)).toEqual(new Set());
    // a release that breaks nothing has no section
    expect(closeUnreleased(closed, '2026-03-31')).toBe(closed);
  });
});

test('a release prints the versions that it adds and removes', () => {
  const facts = releaseOf(
    [
      defineEvent('Happened', {
        type: 'thing.happened',
        description: 'A thing happened.',
        data: z.object({}),
        subject: () => '',
      }),
    ],
    CloudEvent,
  );
  const none: Release = { envelope: facts.envelope, contracts: {} };
  expect(releaseChanges(none, facts)).toEqual(['+ Happened (thing.happened) version 1']);
  expect(releaseChanges(facts, none)).toEqual(['- Happened (thing.happened) version 1']);
});

test('the messages are compatible with those of the last release', async () => {
  // written by npm run contracts:release
  const released = JSON.parse(read('released-contracts/messages.json')) as Release;
  const current = releaseOf([...(await contracts()).keys()], CloudEvent, MESSAGE_VERSIONS);
  expect(contractFaults(released, current, read(CHANGELOG))).toEqual([]);
});

test('no reader refuses fields that it does not know', async () => {
  const schemas = [...(await contracts()).keys()].flatMap(({ data, earlierVersions }) => [
    data,
    ...earlierVersions.map((step) => step.data),
  ]);
  const strict = [...schemas, CloudEvent, ...Object.values(MESSAGE_VERSIONS).flat()].filter(
    (schema) =>
      JSON.stringify(z.toJSONSchema(schema, { io: 'input' })).includes(
        '"additionalProperties":false',
      ),
  );
  expect(strict).toEqual([]);
});

describe('the services of proto/', () => {
  const PROTO = 'proto/retail/order/v1/order.proto';
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'omnichannel-proto-'));
    for (const name of ['proto', 'buf.yaml']) {
      cpSync(join(root, name), join(folder, name), { recursive: true });
    }
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const edit = (path: string, change: (text: string) => string) => {
    const before = readFileSync(join(folder, path), 'utf8');
    const after = change(before);
    expect(after).not.toBe(before);
    writeFileSync(join(folder, path), after);
  };

  test('are compatible with those of the last release', () => {
    expect(protoFaults()).toEqual([]);
  });

  test('may get an rpc and a field', () => {
    edit(PROTO, (text) => `${text}\nmessage Added { string id = 1; }\n`);
    edit(PROTO, (text) => text.replace(/^message Order \{/m, '$& string added = 99;'));
    expect(protoFaults(folder)).toEqual([]);
  });

  test('fail with the way to a new version when a field is renamed', () => {
    edit(PROTO, (text) => text.replace('string user_id = ', 'string buyer_id = '));
    expect(protoFaults(folder)).toContainEqual(
      expect.stringMatching(
        /^proto\/retail\/order\/v1\/order\.proto:\d+ is released and must not change, but: Field "\d+" on message "Order" changed name from "user_id" to "buyer_id"; restore it and define the change in the package retail\.order\.v2\.$/,
      ),
    );
  });

  test('fail when a file is removed', () => {
    rmSync(join(folder, 'proto/retail/vending'), { recursive: true });
    expect(protoFaults(folder).join('\n')).toContain('proto/retail/vending/v1/vending.proto');
  });

  test('are exempt from this only where the changelog announces it', () => {
    const Config = z.object({ breaking: z.object({ ignore: z.array(z.string()).default([]) }) });
    const { breaking } = Config.parse(parse(read('buf.yaml')));
    const announced = unreleasedEntries(read(CHANGELOG));
    expect(breaking.ignore.filter((path) => !announced.has(path))).toEqual([]);
  });
});
