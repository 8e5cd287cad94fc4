import { describe, expect, jest, test } from '@jest/globals';
// first: see there
import { countSteps } from './steps';
import { Networks, clientNetwork } from '#kit/core/client-address';
import { nextTraceparent } from '#kit/core/trace';
import { PageRequest } from '#kit/core/validation';
import { CloudEvent } from '#kit/messages/cloud-event';
import { KINDS, hasStorableTexts, readMessage, readTopic } from '#contracts/device-messages';
import { PlaceOrderRequestSchema } from '#proto/retail/order/v1/order_pb';
import { idempotencyKeyOf, prefersAsync, trailOf } from '../../services/gateway/http/headers';
import { parseJson } from '../../services/gateway/http/json';
import { readRequest } from '../../services/gateway/http/request-reader';
import { PersonName } from '../../services/user/names';

// The work for an input grows in proportion to it. Steps are counted and not the time, which the machine
// decides.

jest.setTimeout(60_000);

const SMALL = 100;
const FACTOR = 8;
/** A sort or a map may add a little. The work of a nested loop would grow by the square of FACTOR. */
const TOLERANCE = 1.5;

const repeated = (text: string) => (size: number) => text.repeat(size);
const list = (size: number, of: unknown = 1) => Array.from({ length: size }, () => of);
const object = (size: number) =>
  Object.fromEntries(Array.from({ length: size }, (_, n) => [`name${n}`, n]));
const nested = (size: number) =>
  Array.from({ length: Math.min(size, 4_000) }).reduce<unknown>((inner) => ({ inner }), 1);

const attempt = (work: () => unknown) => () => {
  try {
    return work();
  } catch {
    return undefined;
  }
};
const body = (value: unknown) =>
  attempt(() =>
    readRequest(
      { rpc: { input: PlaceOrderRequestSchema }, query: [], body: ['shopId', 'items', 'payment'] },
      { params: {}, query: {}, body: value },
    ),
  );
const event = (data: unknown) => ({ specversion: '1.0', id: 'i', type: 't', source: 's', data });

/** Families of hostile inputs, by size. */
const FAMILIES: Readonly<Record<string, (size: number) => () => unknown>> = {
  'a body with unknown fields': (size) => body(object(size)),
  'a body with a long list of objects': (size) => body({ items: list(size, {}) }),
  'a body with a long list of numbers': (size) => body({ items: list(size) }),
  'a body with a deep value': (size) => body({ payment: nested(size) }),
  'a body with a long text': (size) => body({ shopId: repeated('\ud800x')(size) }),
  'a JSON text with many keys': (size) => attempt(() => parseJson(JSON.stringify(object(size)))),
  'a JSON text with many values': (size) => attempt(() => parseJson(JSON.stringify(list(size)))),
  'a JSON text that is deep': (size) => attempt(() => parseJson(repeated('[')(size))),
  'a JSON text with escapes': (size) =>
    attempt(() => parseJson(`{"a":"${repeated('\\u0061\\\\')(size)}"}`)),
  'a JSON text with a long number': (size) => attempt(() => parseJson(repeated('1')(size))),
  'a JSON text with commas': (size) => attempt(() => parseJson(`[${repeated(',')(size)}]`)),
  'an event with a long list': (size) => () => CloudEvent.safeParse(event(list(size))),
  'an event with many attributes': (size) => () =>
    CloudEvent.safeParse({ ...event(1), ...object(size) }),
  'an event with a long time': (size) => () =>
    CloudEvent.safeParse({ ...event(1), time: repeated('2026-')(size) }),
  'a message of a device with a long list': (size) => () =>
    KINDS.map((kind) =>
      readMessage(kind, JSON.stringify({ v: 1, boot: 'b', seq: 1, at: 'x', data: list(size) })),
    ),
  'a message of a device with many measurements': (size) => () =>
    readMessage(
      'telemetry',
      JSON.stringify({ v: 1, boot: 'b', seq: 1, at: '2026-01-01T00:00:00Z', data: object(size) }),
    ),
  'a message of a device with deep data': (size) => () =>
    readMessage('stock', `{"v":1,"data":${'['.repeat(size)}${']'.repeat(size)}}`),
  'the texts of a message': (size) => () => hasStorableTexts({ data: object(size) }),
  'a topic': (size) => () => readTopic(`retail/${repeated('a-')(size)}/d/stock`),
  'an Idempotency-Key': (size) =>
    attempt(() => idempotencyKeyOf({ 'idempotency-key': repeated('k')(size) })),
  'a Prefer header': (size) => () => prefersAsync({ prefer: repeated(' respond-async ,')(size) }),
  'a request id': (size) => () => trailOf({ 'x-request-id': repeated('a-')(size) }),
  'a traceparent': (size) => () => nextTraceparent(repeated('00-')(size)),
  'an address': (size) => () => clientNetwork(repeated('1:')(size)),
  'a list of networks': (size) => () => Networks.safeParse(repeated('10.0.0.0/8,')(size)),
  'a page': (size) => () => PageRequest.safeParse({ page: repeated('1')(size), limit: list(size) }),
  'the name of a person': (size) => () => PersonName.safeParse(repeated('a.\u200d')(size)),
};

describe('the steps grow in proportion to the size of', () => {
  test.each(Object.entries(FAMILIES))('%s', async (_, family) => {
    // the first call compiles schemas
    family(2)();
    const small = await countSteps(family(SMALL));
    const large = await countSteps(family(SMALL * FACTOR));
    expect(large / small).toBeLessThanOrEqual(FACTOR * TOLERANCE);
  });

  test('and a loop within a loop is noticed', async () => {
    const squared = (size: number) => () => {
      let steps = 0;
      for (let outer = 0; outer < size; outer++) {
        for (let inner = 0; inner < size; inner++) steps++;
      }
      return steps;
    };
    const small = await countSteps(squared(SMALL));
    const large = await countSteps(squared(SMALL * FACTOR));
    expect(large / small).toBeGreaterThan(FACTOR * TOLERANCE);
  });
});
