import type { JsonObject } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { IotGatewayService } from '#proto/retail/iot/v1/iot_gateway_pb';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { expectCrashSafe } from '../testing/crash-safety';
import { Code, MicroserviceError, invalid, refused, unavailable } from '../core/errors';
import { Service } from '../service/service';
import { type Testbed, testbed } from '../testing/testbed';

const DAY_MS = 24 * 3600 * 1000;
const Count = z.object({ count: z.int() });

let fail: Error | undefined;
beforeEach(() => {
  fail = undefined;
});

/** Each call increments a counter, and the response contains its value. */
const counting = new Service('order', {
  serves: OrderService,
  stores: { counts: Count },
  idempotency: { getOrder: 'handled-by-service', cancelOrder: 'recompute' },
});
const nothing = async () => ({});
counting.serve({
  placeOrder: async ({ shopId }, { counts }) => {
    if (fail !== undefined) throw fail;
    const { count } = await counts.update(shopId, (now) => ({ count: (now?.count ?? 0) + 1 }));
    return { orderId: String(count) };
  },
  cancelOrder: async ({ orderId }, { counts }) => {
    const { count } = await counts.update(orderId, (now) => ({ count: (now?.count ?? 0) + 1 }));
    return { orderId: String(count) };
  },
  getOrder: nothing,
  listOrders: nothing,
  getStory: nothing,
  updatePickup: nothing,
  listPickups: nothing,
  requestReturn: nothing,
  getReturn: nothing,
  receiveReturn: nothing,
  decideReturn: nothing,
  listReturns: nothing,
});
type Bed = Testbed<typeof counting.definition>;

const build = (): Bed => testbed(counting);
const KEY = { id: 'key-1', hasIdempotencyKey: true };
const place = (bed: Bed, shopId = 'shop_1', options: object = KEY) =>
  bed.call('placeOrder', { shopId }, options);
const countIn = async (bed: Bed) => (await bed.context().counts.get('shop_1'))?.count;

describe('a request with an Idempotency-Key', () => {
  it('is another request with another condition, and the same one with the same', async () => {
    const bed = build();
    const under = (versions: string[]) =>
      place(bed, 'shop_1', { ...KEY, precondition: { match: versions } });
    const first = await under(['a']);
    expect(await under(['a'])).toEqual(first);
    for (const other of [under(['b']), under([]), place(bed)]) {
      await expect(other).rejects.toMatchObject({
        code: Code.INVALID_ARGUMENT,
        details: { fields: [{ field: 'Idempotency-Key' }] },
      });
    }
    expect(await countIn(bed)).toBe(1);
  });

  it('gets the first response for a day, without another effect', async () => {
    const bed = build();
    const first = await place(bed);
    await place(bed, 'shop_1', { id: 'key-2', hasIdempotencyKey: true });
    // just before the key expires
    bed.clock.advance(DAY_MS - 60_000);
    expect(await place(bed)).toEqual(first);
    expect(await countIn(bed)).toBe(2);
    bed.clock.advance(120_000);
    expect(await place(bed)).not.toEqual(first);
  });

  it('is refused with another body, without an effect', async () => {
    const bed = build();
    await place(bed);
    await expect(place(bed, 'shop_2')).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field: 'Idempotency-Key' }] },
    });
    expect(await bed.context().counts.get('shop_2')).toBeUndefined();
  });

  it('has one effect if it is sent concurrently, and each gets the response', async () => {
    const bed = build();
    // a second process of the same service, over the same documents
    const other = testbed(counting, { memory: bed.memory, clock: bed.clock });
    const responses = await Promise.all([place(bed), place(other), place(bed)]);
    expect(new Set(responses.map(({ orderId }) => orderId))).toEqual(new Set(['1']));
    expect(await countIn(bed)).toBe(1);
    const results = await Promise.allSettled([
      place(bed, 'a', { id: 'key-3', hasIdempotencyKey: true }),
      place(other, 'b', { id: 'key-3', hasIdempotencyKey: true }),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('is refused again for the same reason', async () => {
    const bed = build();
    fail = refused('sold_out', 'there are none');
    await expect(place(bed)).rejects.toMatchObject({ details: { reason: 'sold_out' } });
    fail = undefined;
    await expect(place(bed)).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'sold_out' },
    });
  });

  it.each([
    ['was invalid', invalid('shopId', 'is not a shop')],
    ['was not allowed to the caller', new MicroserviceError('no', Code.PERMISSION_DENIED)],
  ])('can be corrected if it %s', async (_, error) => {
    const bed = build();
    fail = error;
    await expect(place(bed)).rejects.toBe(error);
    fail = undefined;
    expect(await place(bed, 'shop_2')).toMatchObject({ orderId: '1' });
  });

  it('can be repeated after a dependency was unavailable, with the same body only', async () => {
    const bed = build();
    fail = unavailable('down');
    await expect(place(bed)).rejects.toBe(fail);
    fail = undefined;
    await expect(place(bed, 'shop_2')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
    expect(await place(bed)).toMatchObject({ orderId: '1' });
  });

  it('is crash-safe', async () => {
    await expectCrashSafe(build, (bed) => place(bed));
  });

  it('gets a response from the current state if its method recomputes it', async () => {
    const bed = build();
    const cancel = (reason: string) => bed.call('cancelOrder', { orderId: 'o', reason }, KEY);
    expect(await cancel('a')).toMatchObject({ orderId: '1' });
    await bed.context().counts.update('o', () => ({ count: 7 }));
    expect(await cancel('a')).toMatchObject({ orderId: '7' });
    await expect(cancel('b')).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });
});

it('stores nothing about a request without a key', async () => {
  const bed = build();
  await place(bed, 'shop_1', { id: 'call-1' });
  expect([...bed.memory.documents.keys()]).toEqual(['counts:default:shop_1']);
});

describe('a request with a JSON object', () => {
  const commanding = new Service('iot-gateway', { serves: IotGatewayService, stores: {} });
  commanding.serve({
    sendCommand: async ({ commandId }) => ({ commandId }),
    getCommand: nothing,
    getPresence: nothing,
    listRefusals: nothing,
  });
  const commandWith = (bed: Testbed<typeof commanding.definition>, given: JsonObject) =>
    bed.call('sendCommand', { commandId: 'c', arguments: given }, KEY);

  it('is the same request for any order of its keys', async () => {
    const bed = testbed(commanding);
    await commandWith(bed, { slot: 'A3', at: { row: 1, shelf: [{ a: 1, b: 2 }] } });
    await commandWith(bed, { at: { shelf: [{ b: 2, a: 1 }], row: 1 }, slot: 'A3' });
    await expect(
      commandWith(bed, { at: { shelf: [{ b: 1, a: 2 }], row: 1 }, slot: 'A3' }),
    ).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });

  it('is another request for another order of a list', async () => {
    const bed = testbed(commanding);
    await commandWith(bed, { slots: ['A', 'B'] });
    await expect(commandWith(bed, { slots: ['B', 'A'] })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
    });
  });
});
