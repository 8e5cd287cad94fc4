import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { OrderCancelled, OrderConfirmed, OrderCreated, PlaceOrder } from '#contracts/order';
import {
  GetOrderRequestSchema,
  OrderService,
  PlaceOrderRequestSchema,
} from '#proto/retail/order/v1/order_pb';
import { asService } from '#kit/caller';
import type { CloudEvent } from '#kit/cloud-event';
import { Code, MicroserviceError, refused, unavailable } from '#kit/errors';
import { type Cause, newCause } from '#kit/handling';
import type { Bench } from './bench';
import {
  AskStock,
  StockCounted,
  StockCountedForBoth,
  StockCountedOld,
  type Context,
  answering,
  asked,
  forget,
  script,
  seen,
} from './sample';

const MINUTE = 60_000;
let counter = 0;
const fresh = (prefix = 'o') => `${prefix}_${String(process.pid)}_${String(++counter)}`;
const price = { amount: '1.00', currency: 'EUR' };
const created = (orderId: string) => ({
  orderId,
  shopId: 's',
  userId: 'u',
  items: [{ productId: 'p', quantity: 1, unitPrice: price }],
  totalAmount: price,
});

/** What the kit promises to a service, whatever carries its messages. */
export function describeSemantics(transport: string, open: () => Promise<Bench>): void {
  describe(`the kit's semantics ${transport}`, () => {
    let bench: Bench;
    beforeAll(async () => {
      bench = await open();
    }, 3 * MINUTE);
    afterAll(async () => {
      await (bench as Bench | undefined)?.close();
    }, MINUTE);
    afterEach(forget);

    const times = (what: string, id: string) =>
      seen.filter((entry) => entry.what === what && entry.id === id);
    const until = async (what: string, id: string, count = 1) => {
      await bench.until(
        `${String(count)} × ${what} of ${id}`,
        () => times(what, id).length >= count,
      );
    };
    const begin = (given: Partial<Cause> = {}): Context =>
      bench.order.host.begin(
        newCause(bench.clock, { caller: asService(), deadline: Infinity, ...given }),
      ) as unknown as Context;
    const letter = async (id: string) => {
      await bench.until(`a dead letter ${id}`, async () => {
        const { letters } = await bench.order.host.deadLetters.page(1, 100);
        return letters.some((known) => known.id === id);
      });
      return bench.order.host.deadLetters.get(id);
    };
    const event = (id: string, over: Partial<CloudEvent> = {}): CloudEvent => ({
      specversion: '1.0',
      id,
      type: OrderCreated.type,
      source: 'test',
      subject: id,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      eventversion: 1,
      correlationid: `corr-${id}`,
      causationid: 'cause',
      sequence: 7,
      tenantid: 'default',
      data: created(id),
      ...over,
    });

    describe('documents', () => {
      it('creates a document once, however many try at once', async () => {
        const key = fresh();
        const { sidecar } = bench.order;
        const written = await Promise.all(
          [1, 2, 3, 4].map((value) => sidecar.save(key, { value }, undefined, 5_000)),
        );
        expect(written.filter(Boolean)).toHaveLength(1);
      });

      it('refuses a write over a state that somebody else has changed', async () => {
        const key = fresh();
        const { sidecar } = bench.order;
        await sidecar.save(key, { value: 1 }, undefined, 5_000);
        const first = await sidecar.load(key, 5_000);
        expect(first?.value).toEqual({ value: 1 });
        await expect(sidecar.save(key, { value: 2 }, first?.etag, 5_000)).resolves.toBe(true);
        await expect(sidecar.save(key, { value: 3 }, first?.etag, 5_000)).resolves.toBe(false);
        expect((await sidecar.load(key, 5_000))?.value).toEqual({ value: 2 });
      });

      it('refuses a write over a document that is gone, where the database can', async () => {
        const key = fresh();
        const { sidecar } = bench.order;
        await sidecar.save(key, { value: 1 }, undefined, 5_000);
        const held = await sidecar.load(key, 5_000);
        await sidecar.erase(key, 5_000);
        await expect(sidecar.load(key, 5_000)).resolves.toBeUndefined();
        const written = await sidecar.save(key, { value: 2 }, held?.etag, 5_000);
        expect(written ? 'written' : 'refused').toBe(bench.overGone);
      });

      it('keeps text of every script and a document of 500 KB', async () => {
        const key = fresh('größe: é/漢字');
        const value = { text: '漢字 🎉 "\\ \u0000', filler: 'x'.repeat(500_000) };
        await bench.order.sidecar.save(key, value, undefined, 5_000);
        expect((await bench.order.sidecar.load(key, 5_000))?.value).toEqual(value);
      });

      it('forgets a document when its time is over', async () => {
        const key = fresh();
        await bench.order.sidecar.save(key, { value: 1 }, undefined, 5_000, 1);
        await bench.until('expiry', async () => {
          return (await bench.order.sidecar.load(key, 5_000)) === undefined;
        });
      });

      it('changes a document once for a cause, and tells a repetition what was decided', async () => {
        const orderId = fresh();
        const count = (context: Context) =>
          context.counts.decide(orderId, (now) => ({
            document: { orderId, count: (now?.count ?? 0) + 1 },
            outcome: { before: now?.count ?? 0 },
          }));
        const cause = newCause(bench.clock, { caller: asService() });
        const first = await count(begin(cause));
        await count(begin());
        const again = await count(begin(cause));
        expect(first.outcome).toEqual({ before: 0 });
        expect(again).toEqual({ document: { orderId, count: 2 }, outcome: { before: 0 } });
      });

      it('lets 20 changes at once of one document all take effect', async () => {
        const orderId = fresh();
        await Promise.all(
          Array.from({ length: 20 }, () =>
            begin().counts.update(orderId, (now) => ({ orderId, count: (now?.count ?? 0) + 1 })),
          ),
        );
        await expect(begin().counts.need(orderId)).resolves.toEqual({ orderId, count: 20 });
      });

      it('keeps tenants apart', async () => {
        const orderId = fresh();
        const other = begin({ caller: asService('other') });
        await other.counts.update(orderId, () => ({ orderId, count: 1 }));
        await expect(begin().counts.get(orderId)).resolves.toBeUndefined();
        await expect(begin().counts.need(orderId)).rejects.toMatchObject({ code: Code.NOT_FOUND });
      });

      it('lists ids newest first over pages, each once', async () => {
        const owner = fresh('owner');
        const ids = Array.from({ length: 230 }, (_, index) => `id-${String(index)}`);
        for (const id of [...ids, 'id-229', 'id-228']) await begin().lists.all.add(owner, id);
        const page = (number: number) => begin().lists.all.page(owner, number, 90);
        expect(await page(1)).toEqual({ items: ids.slice(140).reverse(), total: 230 });
        expect(await page(2)).toEqual({ items: ids.slice(50, 140).reverse(), total: 230 });
        expect(await page(3)).toEqual({ items: ids.slice(0, 50).reverse(), total: 230 });
        await begin().lists.all.remove(owner, 'id-5');
        await begin().lists.all.remove(owner, 'id-225');
        expect((await page(1)).total).toBe(228);
        expect((await page(3)).items).not.toContain('id-5');
      });
    });

    describe('events', () => {
      it('arrive whole, with what caused them', async () => {
        const orderId = fresh();
        const context = begin({ caller: asService('tenant-7'), correlationId: `corr-${orderId}` });
        await context.counts.update(orderId, () => ({ orderId, count: 1 }));
        await context.publish(OrderCreated, created(orderId));
        await until('event', orderId);
        const [entry] = times('event', orderId);
        expect(entry?.caller).toEqual({ userId: '', role: 'service', tenantId: 'tenant-7' });
        expect(entry?.detail).toMatchObject({
          type: 'order.created',
          source: 'order',
          subject: orderId,
          sequence: 1,
          correlationid: `corr-${orderId}`,
          causationid: context.cause.id,
          id: entry?.causeId,
        });
      });

      it('continue the trace of whoever said them', async () => {
        const orderId = fresh();
        const trace = '0af7651916cd43dd8448eb211c80319c';
        let heard = '';
        script.set(orderId, async ({ cause }) => {
          heard = cause.traceparent;
        });
        const context = begin({ traceparent: `00-${trace}-b7ad6b7169203331-01` });
        await context.publish(OrderCreated, created(orderId));
        await until('event', orderId);
        expect(heard).toContain(trace);
        expect(heard).not.toBe(context.cause.traceparent);
      });

      it('are the same event when they are said again under the same cause', async () => {
        const orderId = fresh();
        const cause = newCause(bench.clock, { caller: asService() });
        await begin(cause).publish(OrderCreated, created(orderId));
        await until('event', orderId);
        await begin(cause).publish(OrderCreated, created(orderId));
        await until('event', orderId, 2);
        expect(new Set(times('event', orderId).map(({ causeId }) => causeId)).size).toBe(1);
      });

      it('come again after a transient failure, and take effect once', async () => {
        const orderId = fresh();
        script.set(orderId, async ({ counts }) => {
          await counts.update(orderId, (now) => ({ orderId, count: (now?.count ?? 0) + 1 }));
          if (times('event', orderId).length < 3) throw unavailable('not yet');
        });
        await begin().publish(OrderCreated, created(orderId));
        await until('event', orderId, 3);
        await bench.until('the end of the handler', () => bench.order.host.active === 0);
        await expect(begin().counts.need(orderId)).resolves.toEqual({ orderId, count: 1 });
        expect(times('event', orderId)).toHaveLength(3);
      });

      it('that are refused become dead letters with the reason, and replay after the fix', async () => {
        const orderId = fresh();
        let open = false;
        script.set(orderId, async ({ counts }) => {
          if (!open) throw refused('closed', 'the shop is closed');
          await counts.update(orderId, (now) => ({ orderId, count: (now?.count ?? 0) + 1 }));
        });
        await bench.publish(event(orderId));
        const kept = await letter(orderId);
        expect(kept).toMatchObject({
          type: 'order.created',
          reason: 'closed',
          message: 'the shop is closed',
          correlationId: `corr-${orderId}`,
          attempts: 1,
          replayCount: 0,
          event: { data: created(orderId), sequence: 7 },
        });
        const { host } = bench.order;
        await expect(host.replay(orderId)).resolves.toEqual({ succeeded: false });
        expect(await host.deadLetters.get(orderId)).toMatchObject({ replayCount: 1 });
        open = true;
        await expect(host.replay(orderId)).resolves.toEqual({ succeeded: true });
        await expect(host.deadLetters.get(orderId)).rejects.toMatchObject({ code: Code.NOT_FOUND });
        await expect(begin().counts.need(orderId)).resolves.toEqual({ orderId, count: 1 });
      });

      it('that nobody can read become dead letters that name the field', async () => {
        const id = fresh();
        const data = {
          ...created(id),
          items: [{ productId: 'p', quantity: -1, unitPrice: price }],
        };
        await bench.publish(event(id, { data }));
        const kept = await letter(id);
        expect(kept.reason).toBe('unreadable');
        expect(kept.message).toContain('items[0].quantity');
      });

      it('of a version that nobody knows become dead letters', async () => {
        const id = fresh();
        await bench.publish(event(id, { eventversion: 99 }));
        expect(await letter(id)).toMatchObject({ reason: 'unreadable' });
      });

      it('that fail to the end become dead letters with the last error', async () => {
        const orderId = fresh();
        script.set(orderId, async () => {
          throw new MicroserviceError('down for good', Code.UNAVAILABLE, { reason: 'down' });
        });
        await bench.publish(event(orderId));
        const kept = await letter(orderId);
        expect(kept).toMatchObject({ reason: 'down', message: 'down for good' });
        expect(kept.attempts).toBe(times('event', orderId).length);
        expect(kept.attempts).toBe(6);
      });
    });

    describe('commands', () => {
      const method = OrderService.method.placeOrder;
      const place = async (given: Partial<Cause>) => {
        const cause = newCause(bench.clock, { caller: asService(), ...given });
        const answer = await bench.order.host.answer(
          method,
          create(PlaceOrderRequestSchema),
          cause,
        );
        return answer.response;
      };
      const idOf = (cause: string) => begin({ id: cause }).newId('order');

      it('are answered with their outcome', async () => {
        const cause = fresh('cause');
        const orderId = idOf(cause);
        script.set(orderId, async ({ counts }) => {
          await counts.update(orderId, (now) => ({ orderId, count: (now?.count ?? 0) + 1 }));
        });
        expect(await place({ id: cause })).toMatchObject({ orderId, status: 'done 1' });
        expect(await place({ id: cause })).toMatchObject({ orderId, status: 'done 1' });
      });

      it('that are refused refuse whoever waits, and leave no dead letter', async () => {
        const cause = fresh('cause');
        script.set(idOf(cause), async () => {
          throw refused('closed', 'the shop is closed');
        });
        await expect(place({ id: cause })).rejects.toMatchObject({
          code: Code.FAILED_PRECONDITION,
          details: { reason: 'closed' },
        });
        const { letters } = await bench.order.host.deadLetters.page(1, 100);
        expect(letters.filter(({ type }) => type === PlaceOrder.type)).toEqual([]);
      });

      it('are not waited for by one who takes "accepted" for an answer', async () => {
        const cause = fresh('cause');
        const orderId = idOf(cause);
        expect(await place({ id: cause, respondAsync: true })).toMatchObject({ status: 'pending' });
        await until('command', orderId);
      });
    });

    describe('calls', () => {
      const reserve = (orderId: string, given: Partial<Cause> = {}) =>
        begin({ deadline: bench.clock.now() + 20_000, ...given }).inventory.reserve({ orderId });

      it('carry their cause, their caller and their deadline, and give back what was said', async () => {
        const orderId = fresh();
        const caller = { userId: 'user_1', role: 'customer', tenantId: 'tenant-7' } as const;
        const context = begin({
          caller,
          correlationId: `corr-${orderId}`,
          requestId: 'req_1',
          deadline: bench.clock.now() + 4_000,
        });
        const answer = await context.inventory.reserve({ orderId });
        expect(answer.reason).toBe('größer 🎉');
        const [entry] = times('reserve', orderId);
        expect(entry?.caller).toEqual(caller);
        expect(entry?.detail).toMatchObject({
          correlationId: `corr-${orderId}`,
          requestId: 'req_1',
        });
        expect(context.said.map(({ type }) => type)).toEqual([OrderCancelled.type]);
        await until('cancelled', orderId);
      });

      it('are the same work when they are made again under the same cause', async () => {
        const orderId = fresh();
        const cause = newCause(bench.clock, { caller: asService() });
        await begin(cause).inventory.reserve({ orderId });
        await begin(cause).inventory.reserve({ orderId });
        await begin().inventory.reserve({ orderId });
        const [first, second, third] = times('reserve', orderId).map(({ causeId }) => causeId);
        expect(second).toBe(first);
        expect(third).not.toBe(first);
        expect(first).not.toBe(cause.id);
      });

      it('that are refused tell why', async () => {
        const orderId = fresh('refused');
        await expect(reserve(orderId)).rejects.toMatchObject({
          code: Code.FAILED_PRECONDITION,
          message: 'the shop is closed',
          details: { reason: 'closed', orderId },
        });
      });

      it('that are wrong name the field', async () => {
        await expect(reserve(fresh('invalid'))).rejects.toMatchObject({
          code: Code.INVALID_ARGUMENT,
          details: { fields: [{ field: 'items.0.quantity', message: 'must be at least 1' }] },
        });
      });

      it('do not tell the text of an unforeseen error', async () => {
        const failed = reserve(fresh('bug'));
        await expect(failed).rejects.toMatchObject({ code: Code.INTERNAL });
        await expect(failed).rejects.not.toMatchObject({
          message: expect.stringContaining('secret') as unknown,
        });
      });

      it('to one who asks for the moon are answered, forty times in a row', async () => {
        const answers = await Promise.allSettled(
          Array.from({ length: 40 }, () => reserve(fresh('missing'))),
        );
        for (const answer of answers) {
          expect(answer).toMatchObject({ status: 'rejected', reason: { code: Code.NOT_FOUND } });
        }
        await expect(reserve(fresh())).resolves.toMatchObject({ reason: 'größer 🎉' });
      });

      it('are not made once the time is over', async () => {
        const orderId = fresh();
        await expect(reserve(orderId, { deadline: bench.clock.now() - 1 })).rejects.toMatchObject({
          code: Code.DEADLINE_EXCEEDED,
        });
        expect(times('reserve', orderId)).toEqual([]);
      });

      it('of a method that is not answered are UNIMPLEMENTED', async () => {
        const cause = newCause(bench.clock, { caller: asService() });
        const request = create(GetOrderRequestSchema, { orderId: 'x' });
        const { host } = bench.inventory;
        await expect(
          host.answer(OrderService.method.getOrder, request, cause),
        ).rejects.toMatchObject({ code: Code.UNIMPLEMENTED });
      });
    });

    describe('events in batches', () => {
      const confirmed = (orderId: string) => ({
        ...created(orderId),
        status: 'confirmed' as const,
      });
      const sayAll = async (ids: readonly string[]) => {
        await begin().publishAll(OrderConfirmed, ids.map(confirmed));
      };

      it('are said by the hundred and arrive, each once, many at a time', async () => {
        const ids = Array.from({ length: 250 }, () => fresh());
        const before = await bench.batches();
        await sayAll(ids);
        await bench.until('all of them', () => ids.every((id) => times('batched', id).length > 0));
        expect(ids.filter((id) => times('batched', id).length !== 1)).toEqual([]);
        const after = await bench.batches();
        expect(after.events - before.events).toBe(250);
        expect(after.count - before.count).toBeLessThan(125);
        expect(times('batched', ids[0]!)[0]?.detail).toMatchObject({
          ...{ type: 'order.confirmed', source: 'order', subject: ids[0] },
        });
      });

      it('are the same events when they are said again under the same cause', async () => {
        const ids = [fresh(), fresh()];
        const cause = newCause(bench.clock, { caller: asService(), deadline: Infinity });
        for (const again of [1, 2]) {
          await begin(cause).publishAll(OrderConfirmed, ids.map(confirmed));
          for (const id of ids) await until('batched', id, again);
        }
        for (const id of ids) {
          expect(new Set(times('batched', id).map(({ causeId }) => causeId)).size).toBe(1);
        }
      });

      it('are not held by one that is refused, cannot be read, or fails for a while', async () => {
        const ids = Array.from({ length: 20 }, () => fresh());
        const [no, later] = [fresh(), fresh()];
        script.set(no, async () => {
          throw refused('closed', 'the shop is closed');
        });
        script.set(later, async () => {
          if (times('batched', later).length < 3) throw unavailable('not yet');
        });
        const junk = fresh('junk');
        const type = OrderConfirmed.type;
        await bench.publish(event(junk, { type, data: { orderId: junk } }));
        await sayAll([...ids.slice(0, 10), no, later, ...ids.slice(10)]);
        await until('batched', later, 3);
        await bench.until('the rest', () => ids.every((id) => times('batched', id).length > 0));
        expect(await letter(junk)).toMatchObject({ reason: 'unreadable' });
        await bench.until('the refused one', async () => {
          const { letters } = await bench.order.host.deadLetters.page(1, 100);
          return letters.some(({ subject, reason }) => subject === no && reason === 'closed');
        });
        // what was done is not done again because of the others
        expect(ids.filter((id) => times('batched', id).length !== 1)).toEqual([]);
      });
    });

    describe('a new version of an event beside the old', () => {
      /** What the old and the new hearer make of it, once both have it. */
      const said = async (say: (context: Context) => Promise<void>) => {
        const id = fresh('corr');
        await say(begin({ correlationId: id }));
        await until('counted by new', id);
        return { id, byNew: times('counted by new', id)[0]?.detail };
      };
      const byOld = async (id: string) => {
        await until('counted by old', id);
        return times('counted by old', id)[0]?.detail;
      };

      it('said by the old is heard by the old, and by the new as if by the new', async () => {
        const { id, byNew } = await said(({ publish }) => publish(StockCountedOld, { pieces: 3 }));
        expect(byNew).toEqual({ available: 3, reserved: 0 });
        expect(await byOld(id)).toEqual({ pieces: 3 });
      });

      it('said by the new for both is heard by the new, and by the old as if by the old', async () => {
        const stock = { available: 3, reserved: 1, pieces: 3 };
        const { id, byNew } = await said(({ publish }) => publish(StockCountedForBoth, stock));
        expect(byNew).toEqual({ available: 3, reserved: 1 });
        expect(await byOld(id)).toEqual({ pieces: 3 });
      });

      it('said by the new alone is heard by the new, and kept by the old until it can read it', async () => {
        const stock = { available: 3, reserved: 1 };
        const { id, byNew } = await said(({ publish }) => publish(StockCounted, stock));
        expect(byNew).toEqual(stock);
        await bench.until('a dead letter', async () => {
          const { letters } = await bench.inventory.host.deadLetters.page(1, 100);
          return letters.some(({ correlationId, reason }) => {
            return correlationId === id && reason === 'unreadable';
          });
        });
        expect(times('counted by old', id)).toEqual([]);
      });
    });

    describe('requests over the bus', () => {
      const soon = (milliseconds: number) => ({ deadline: bench.clock.now() + milliseconds });
      /** A reply as another process might say it. */
      const replyTo = (request: string, available: number, over: Partial<CloudEvent> = {}) =>
        event(fresh('reply'), {
          type: 'order.replies',
          causationid: request,
          data: { refusal: null, answer: { available, text: '' } },
          ...over,
        });

      it('are answered, and carry what caused them', async () => {
        const orderId = fresh();
        const context = begin({ caller: asService('tenant-7'), correlationId: `corr-${orderId}` });
        const answer = await context.request(AskStock, { orderId });
        expect(answer).toEqual({ available: 3, text: 'größer 🎉' });
        const [entry] = times('asked', orderId);
        expect(entry?.caller).toEqual({ userId: '', role: 'service', tenantId: 'tenant-7' });
        expect(entry?.detail).toMatchObject({
          correlationid: `corr-${orderId}`,
          causationid: context.cause.id,
          replyto: 'order.replies',
        });
      });

      it('each get their own answer, forty at once', async () => {
        const ids = Array.from({ length: 40 }, () => fresh());
        const said = ids.map((id, at) => {
          answering.set(id, async ({ id: request }) => {
            await bench.publish(replyTo(request, at));
          });
          return begin().request(AskStock, { orderId: id });
        });
        const answers = await Promise.all(said);
        // the one said first, or the answerer's own
        answers.forEach(({ available }, at) => {
          expect([at, 3]).toContain(available);
        });
      });

      it('are the same request when they are made again under the same cause', async () => {
        const orderId = fresh();
        const cause = newCause(bench.clock, { caller: asService(), deadline: Infinity });
        for (const given of [cause, cause, {}]) await begin(given).request(AskStock, { orderId });
        const [first, second, third] = times('asked', orderId).map(({ causeId }) => causeId);
        expect(second).toBe(first);
        expect(third).not.toBe(first);
      });

      it('that are refused tell why', async () => {
        const orderId = fresh('refused');
        await expect(begin().request(AskStock, { orderId })).rejects.toMatchObject({
          code: Code.FAILED_PRECONDITION,
          message: 'the shop is closed',
          details: { reason: 'closed', orderId },
        });
        expect(times('asked', orderId)).toHaveLength(1);
      });

      it('are asked again where the answerer fails, and answered then', async () => {
        const orderId = fresh();
        answering.set(orderId, async () => {
          if (times('asked', orderId).length < 2) throw unavailable('not yet');
        });
        await expect(begin().request(AskStock, { orderId })).resolves.toMatchObject({
          available: 3,
        });
      });

      it('that get no answer in time are DEADLINE_EXCEEDED', async () => {
        const orderId = fresh();
        answering.set(orderId, async () => {
          throw unavailable('never');
        });
        await expect(begin(soon(1_500)).request(AskStock, { orderId })).rejects.toMatchObject({
          code: Code.DEADLINE_EXCEEDED,
          message: 'inventory.ask-stock was not answered in time',
          details: { reason: 'timeout' },
        });
      });

      it('that nobody waits for any more are let be', async () => {
        const [late, early] = [fresh(), fresh()];
        const type = AskStock.type;
        const at = (orderId: string, milliseconds: number) =>
          event(orderId, {
            ...{ type, data: { orderId } },
            expirytime: new Date(bench.clock.now() + milliseconds).toISOString(),
          });
        await bench.publish(at(late, -1));
        await bench.publish(at(early, 60_000));
        await until('asked', early);
        await bench.until('the end', () => bench.inventory.host.active === 0);
        expect(times('asked', late)).toEqual([]);
      });

      it('have their answer when it comes to another replica than the one that asked', async () => {
        const orderId = fresh();
        const cause = newCause(bench.clock, { caller: asService(), deadline: Infinity });
        const context = bench.replica.begin(cause) as unknown as Context;
        const answer = await context.request(AskStock, { orderId });
        expect(answer).toEqual({ available: 3, text: 'größer 🎉' });
      });

      it('whose answer comes twice have been answered once', async () => {
        const orderId = fresh();
        script.set(orderId, async ({ counts, request }) => {
          const { available } = await request(AskStock, { orderId });
          await counts.update(orderId, (now) => ({
            orderId,
            count: (now?.count ?? 0) + available,
          }));
        });
        answering.set(orderId, async ({ id }) => {
          await bench.publish(replyTo(id, 3));
          await bench.publish(replyTo(id, 3));
        });
        await begin().publish(OrderCreated, created(orderId));
        await bench.until('the count', async () => {
          return (await begin().counts.get(orderId)) !== undefined;
        });
        await bench.until('the end of the handler', () => bench.order.host.active === 0);
        await expect(begin().counts.need(orderId)).resolves.toEqual({ orderId, count: 3 });
      });

      it('forget an answer that is too late for anybody', async () => {
        const [late, early] = [fresh('request'), fresh('request')];
        const at = (milliseconds: number) =>
          new Date(bench.clock.now() + milliseconds).toISOString();
        await bench.publish(replyTo(late, 1, { expirytime: at(-1) }));
        await bench.publish(replyTo(early, 1, { expirytime: at(60_000) }));
        const kept = (request: string) => bench.order.sidecar.load(`outcome:${request}`, 5_000);
        await bench.until('the one in time', async () => (await kept(early)) !== undefined);
        await expect(kept(late)).resolves.toBeUndefined();
      });
    });

    describe('requests to an endpoint outside', () => {
      it('are answered with what it says, whatever its status', async () => {
        const { echo } = begin().endpoints;
        const body = { text: 'größer 🎉' };
        for (const status of [200, 201, 402, 404, 500, 503]) {
          await expect(
            echo.request({ method: 'POST', path: `/status/${status}`, body }),
          ).resolves.toEqual({ status, body: { asked: body } });
        }
        const text = await echo.request({ method: 'GET', path: '/text' });
        expect(text).toEqual({ status: 200, body: 'größer' });
      });

      it('have the same identity when they are made again under the same cause', async () => {
        const cause = newCause(bench.clock, { caller: asService() });
        const ask = ({ endpoints }: Context, headers = {}) =>
          endpoints.echo.request({ method: 'POST', path: '/status/200', headers });
        for (const context of [begin(cause), begin(cause), begin()]) await ask(context);
        await ask(begin(), { 'idempotency-key': 'of the caller' });
        const keys = asked.map(({ headers }) => headers?.['idempotency-key']);
        expect(keys).toEqual([keys[0], keys[0], expect.any(String), 'of the caller']);
        expect(new Set(keys).size).toBe(3);
      });

      it('that get no answer are DEADLINE_EXCEEDED', async () => {
        await expect(
          begin().endpoints.echo.request({ method: 'POST', path: '/silent' }),
        ).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED, details: { reason: 'timeout' } });
        expect(asked.length).toBeGreaterThan(0);
      });

      it('that nobody takes are UNAVAILABLE, and do not tell where they went', async () => {
        const request = begin().endpoints.nowhere.request({ method: 'GET', path: '/secret' });
        await expect(request).rejects.toMatchObject({
          code: Code.UNAVAILABLE,
          message: 'nowhere cannot be reached',
        });
      });

      it('are not made once the time is over', async () => {
        const { echo } = begin({ deadline: bench.clock.now() - 1 }).endpoints;
        await expect(echo.request({ method: 'GET', path: '/text' })).rejects.toMatchObject({
          code: Code.DEADLINE_EXCEEDED,
        });
        expect(asked).toEqual([]);
      });
    });

    it('does a job when it is due, once', async () => {
      const orderId = fresh();
      await begin().jobs.once('remind', orderId, '1s', { orderId });
      await until('job', orderId);
      expect(times('job', orderId)).toHaveLength(1);
    });

    it('hears an input binding, and knows a message that comes twice', async () => {
      const payload = fresh('reading');
      const topic = 'retail/default/device_1/telemetry';
      await bench.device(topic, payload);
      await bench.device(topic, payload);
      await until('binding', `${topic} ${payload}`, 2);
      const [first, second] = times('binding', `${topic} ${payload}`);
      expect(second?.causeId).toBe(first?.causeId);
    });
  });
}
