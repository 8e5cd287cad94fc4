import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { OrderCancelled, OrderCreated, PlaceOrder } from '#contracts/order';
import {
  GetOrderRequestSchema,
  OrderService,
  PlaceOrderRequestSchema,
} from '#proto/retail/order/v1/order_pb';
import { asService } from '#kit/core/caller';
import { Code, MicroserviceError, refused, unavailable } from '#kit/core/errors';
import { type CallContext, newCallContext } from '#kit/core/call-context';
import { SemanticsFixture, created, fresh, price } from './semantics-fixture';
import type { SampleSystem } from './sample-system';
import { type Context, endpointRequests, script } from './sample';

/**
 * The kit's guarantees to a service on any transport. test/conformance checks what they need from brokers
 * and stores.
 */
export function describeSemantics(transport: string, open: () => Promise<SampleSystem>): void {
  describe(`the kit's semantics ${transport}`, () => {
    const fixture = new SemanticsFixture(open);
    const { times, until, begin, deadLetter, event } = fixture;

    describe('documents', () => {
      it('of different tenants are separate', async () => {
        const orderId = fresh();
        const other = begin({ caller: asService('other') });
        await other.counts.update(orderId, () => ({ orderId, count: 1 }));
        await expect(begin().counts.get(orderId)).resolves.toBeUndefined();
        await expect(begin().counts.getOrThrow(orderId)).rejects.toMatchObject({
          code: Code.NOT_FOUND,
        });
      });

      it('are listed newest first over pages, once each', async () => {
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
      it('arrive complete, with their call context', async () => {
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
          causationid: context.callContext.id,
          id: entry?.causeId,
        });
      });

      it('continue the trace of their publisher', async () => {
        const orderId = fresh();
        const trace = '0af7651916cd43dd8448eb211c80319c';
        let received = '';
        script.set(orderId, async ({ callContext }) => {
          received = callContext.traceparent;
        });
        const context = begin({ traceparent: `00-${trace}-b7ad6b7169203331-01` });
        await context.publish(OrderCreated, created(orderId));
        await until('event', orderId);
        expect(received).toContain(trace);
        expect(received).not.toBe(context.callContext.traceparent);
      });

      it('have the same id when they are published again under the same call context', async () => {
        const orderId = fresh();
        const callContext = newCallContext(fixture.system.clock, { caller: asService() });
        await begin(callContext).publish(OrderCreated, created(orderId));
        await until('event', orderId);
        await begin(callContext).publish(OrderCreated, created(orderId));
        await until('event', orderId, 2);
        expect(new Set(times('event', orderId).map(({ causeId }) => causeId)).size).toBe(1);
      });

      it('are redelivered after a transient failure, and take effect once', async () => {
        const orderId = fresh();
        script.set(orderId, async ({ counts }) => {
          await counts.update(orderId, (now) => ({ orderId, count: (now?.count ?? 0) + 1 }));
          if (times('event', orderId).length < 3) throw unavailable('not yet');
        });
        await begin().publish(OrderCreated, created(orderId));
        await until('event', orderId, 3);
        await fixture.system.until(
          'the end of the handler',
          () => fixture.system.order.runtime.activeCount === 0,
        );
        await expect(begin().counts.getOrThrow(orderId)).resolves.toEqual({ orderId, count: 1 });
        expect(times('event', orderId)).toHaveLength(3);
      });

      it('that are refused become dead letters with the reason, and are handled when replayed after the fix', async () => {
        const orderId = fresh();
        let open = false;
        script.set(orderId, async ({ counts }) => {
          if (!open) throw refused('closed', 'the shop is closed');
          await counts.update(orderId, (now) => ({ orderId, count: (now?.count ?? 0) + 1 }));
        });
        await fixture.system.publish(event(orderId));
        const kept = await deadLetter(orderId);
        expect(kept).toMatchObject({
          type: 'order.created',
          reason: 'closed',
          message: 'the shop is closed',
          correlationId: `corr-${orderId}`,
          attempts: 1,
          replayCount: 0,
          event: { data: created(orderId), sequence: 7 },
        });
        const { runtime } = fixture.system.order;
        await expect(runtime.replay(orderId)).resolves.toEqual({ succeeded: false });
        expect(await runtime.deadLetters.get(orderId)).toMatchObject({ replayCount: 1 });
        open = true;
        await expect(runtime.replay(orderId)).resolves.toEqual({ succeeded: true });
        await expect(runtime.deadLetters.get(orderId)).rejects.toMatchObject({
          code: Code.NOT_FOUND,
        });
        await expect(begin().counts.getOrThrow(orderId)).resolves.toEqual({ orderId, count: 1 });
      });

      it('that are invalid become dead letters that name the field', async () => {
        const id = fresh();
        const data = {
          ...created(id),
          items: [{ productId: 'p', quantity: -1, unitPrice: price }],
        };
        await fixture.system.publish(event(id, { data }));
        const kept = await deadLetter(id);
        expect(kept.reason).toBe('unreadable');
        expect(kept.message).toContain('items[0].quantity');
      });

      it('of an unknown version become dead letters', async () => {
        const id = fresh();
        await fixture.system.publish(event(id, { eventversion: 99 }));
        expect(await deadLetter(id)).toMatchObject({ reason: 'unreadable' });
      });

      it('whose dependency is unavailable wait in order, and are handled when it is available', async () => {
        const orderId = fresh();
        const handled: string[] = [];
        let isDown = true;
        script.set(orderId, async ({ counts, callContext }) => {
          if (isDown) throw new MicroserviceError('down', Code.UNAVAILABLE, { reason: 'down' });
          await counts.update(orderId, (now) => ({ orderId, count: (now?.count ?? 0) + 1 }));
          handled.push(callContext.id);
        });
        const events = [1, 2].map((n) => event(orderId, { id: `${orderId}-${n}` }));
        await fixture.system.publish(events[0]!);
        await until('event', orderId, 2);
        await fixture.system.publish(events[1]!);
        const { runtime } = fixture.system.order;
        const waits = async () => (await runtime.parkedEvents.waiting())[0]?.events === 2;
        await fixture.system.until('both to be parked', waits);
        isDown = false;
        await fixture.system.until('both to be handled', () => handled.length === 2);
        expect(handled).toEqual(events.map(({ id }) => id));
        await expect(begin().counts.getOrThrow(orderId)).resolves.toEqual({ orderId, count: 2 });
        const { letters } = await runtime.deadLetters.page(1, 100);
        expect(letters.filter(({ subject }) => subject === orderId)).toEqual([]);
      });
    });

    describe('commands', () => {
      const method = OrderService.method.placeOrder;
      const place = async (given: Partial<CallContext>) => {
        const callContext = newCallContext(fixture.system.clock, { caller: asService(), ...given });
        const answer = await fixture.system.order.runtime.handleCall(
          method,
          create(PlaceOrderRequestSchema),
          callContext,
        );
        return answer.response;
      };
      const idOf = (callContext: string) => begin({ id: callContext }).newId('order');

      it('return their result', async () => {
        const callContext = fresh('cause');
        const orderId = idOf(callContext);
        script.set(orderId, async ({ counts }) => {
          await counts.update(orderId, (now) => ({ orderId, count: (now?.count ?? 0) + 1 }));
        });
        expect(await place({ id: callContext })).toMatchObject({ orderId, status: 'done 1' });
        expect(await place({ id: callContext })).toMatchObject({ orderId, status: 'done 1' });
      });

      it('that are refused reject for the waiting caller, and leave no dead letter', async () => {
        const callContext = fresh('cause');
        script.set(idOf(callContext), async () => {
          throw refused('closed', 'the shop is closed');
        });
        await expect(place({ id: callContext })).rejects.toMatchObject({
          code: Code.FAILED_PRECONDITION,
          details: { reason: 'closed' },
        });
        const { letters } = await fixture.system.order.runtime.deadLetters.page(1, 100);
        expect(letters.filter(({ type }) => type === PlaceOrder.type)).toEqual([]);
      });

      it('are not waited for by a caller that asked for an asynchronous response', async () => {
        const callContext = fresh('cause');
        const orderId = idOf(callContext);
        expect(await place({ id: callContext, respondAsync: true })).toMatchObject({
          status: 'pending',
        });
        await until('command', orderId);
      });
    });

    describe('calls', () => {
      const reserve = (orderId: string, given: Partial<CallContext> = {}) =>
        begin({ deadline: fixture.system.clock.now() + 20_000, ...given }).inventory.reserve({
          orderId,
        });

      it('have the call context, the caller and the deadline, and return the response unchanged', async () => {
        const orderId = fresh();
        const caller = { userId: 'user_1', role: 'customer', tenantId: 'tenant-7' } as const;
        const assertion = await fixture.system.assertionOf(caller);
        const context = begin({
          ...{ caller, assertion },
          correlationId: `corr-${orderId}`,
          requestId: 'req_1',
          deadline: fixture.system.clock.now() + 4_000,
        });
        const answer = await context.inventory.reserve({ orderId });
        expect(answer.reason).toBe('größer 🎉');
        const [entry] = times('reserve', orderId);
        expect(entry?.caller).toEqual(caller);
        expect(entry?.detail).toMatchObject({
          correlationId: `corr-${orderId}`,
          requestId: 'req_1',
        });
        expect(context.published.map(({ type }) => type)).toEqual([OrderCancelled.type]);
        await until('cancelled', orderId);
      });

      it('have the same identity when they are made again under the same call context', async () => {
        const orderId = fresh();
        const callContext = newCallContext(fixture.system.clock, { caller: asService() });
        await begin(callContext).inventory.reserve({ orderId });
        await begin(callContext).inventory.reserve({ orderId });
        await begin().inventory.reserve({ orderId });
        const [first, second, third] = times('reserve', orderId).map(({ causeId }) => causeId);
        expect(second).toBe(first);
        expect(third).not.toBe(first);
        expect(first).not.toBe(callContext.id);
      });

      it('that are refused have the reason', async () => {
        const orderId = fresh('refused');
        await expect(reserve(orderId)).rejects.toMatchObject({
          code: Code.FAILED_PRECONDITION,
          message: 'the shop is closed',
          details: { reason: 'closed', orderId },
        });
      });

      it('that are invalid name the field', async () => {
        await expect(reserve(fresh('invalid'))).rejects.toMatchObject({
          code: Code.INVALID_ARGUMENT,
          details: { fields: [{ field: 'items.0.quantity', message: 'must be at least 1' }] },
        });
      });

      it('do not return the text of an unexpected error', async () => {
        const failed = reserve(fresh('bug'));
        await expect(failed).rejects.toMatchObject({ code: Code.INTERNAL });
        await expect(failed).rejects.not.toMatchObject({
          message: expect.stringContaining('secret') as unknown,
        });
      });

      it('that are NOT_FOUND do not open the circuit breaker, forty times in a row', async () => {
        const answers = await Promise.allSettled(
          Array.from({ length: 40 }, () => reserve(fresh('missing'))),
        );
        for (const answer of answers) {
          expect(answer).toMatchObject({ status: 'rejected', reason: { code: Code.NOT_FOUND } });
        }
        await expect(reserve(fresh())).resolves.toMatchObject({ reason: 'größer 🎉' });
      });

      it('are not made after the deadline', async () => {
        const orderId = fresh();
        await expect(
          reserve(orderId, { deadline: fixture.system.clock.now() - 1 }),
        ).rejects.toMatchObject({
          code: Code.DEADLINE_EXCEEDED,
        });
        expect(times('reserve', orderId)).toEqual([]);
      });

      it('of an unimplemented method are UNIMPLEMENTED', async () => {
        const callContext = newCallContext(fixture.system.clock, { caller: asService() });
        const request = create(GetOrderRequestSchema, { orderId: 'x' });
        const { runtime } = fixture.system.inventory;
        await expect(
          runtime.handleCall(OrderService.method.getOrder, request, callContext),
        ).rejects.toMatchObject({ code: Code.UNIMPLEMENTED });
      });
    });

    describe('requests to an external endpoint', () => {
      it('return its response, whatever the status', async () => {
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

      it('have the same identity when they are made again under the same call context', async () => {
        const callContext = newCallContext(fixture.system.clock, { caller: asService() });
        const ask = ({ endpoints }: Context, headers = {}) =>
          endpoints.echo.request({ method: 'POST', path: '/status/200', headers });
        for (const context of [begin(callContext), begin(callContext), begin()]) await ask(context);
        await ask(begin(), { 'idempotency-key': 'of the caller' });
        const keys = endpointRequests.map(({ headers }) => headers?.['idempotency-key']);
        expect(keys).toEqual([keys[0], keys[0], expect.any(String), 'of the caller']);
        expect(new Set(keys).size).toBe(3);
      });

      it('without an answer are DEADLINE_EXCEEDED', async () => {
        await expect(
          begin().endpoints.echo.request({ method: 'POST', path: '/silent' }),
        ).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED, details: { reason: 'timeout' } });
        expect(endpointRequests.length).toBeGreaterThan(0);
      });

      it('without a listener are UNAVAILABLE, and do not return the address', async () => {
        const request = begin().endpoints.nowhere.request({ method: 'GET', path: '/secret' });
        await expect(request).rejects.toMatchObject({
          code: Code.UNAVAILABLE,
          message: 'nowhere cannot be reached',
        });
      });

      it('are not made after the deadline', async () => {
        const { echo } = begin({ deadline: fixture.system.clock.now() - 1 }).endpoints;
        await expect(echo.request({ method: 'GET', path: '/text' })).rejects.toMatchObject({
          code: Code.DEADLINE_EXCEEDED,
        });
        expect(endpointRequests).toEqual([]);
      });
    });

    it('runs a job once when it is due', async () => {
      const orderId = fresh();
      await begin().jobs.once('remind', orderId, '1s', { orderId });
      await until('job', orderId);
      expect(times('job', orderId)).toHaveLength(1);
    });

    it('handles the messages of an input binding, and deduplicates a redelivered one', async () => {
      const payload = fresh('reading');
      const topic = 'retail/default/device_1/telemetry';
      await fixture.system.device(topic, payload);
      await fixture.system.device(topic, payload);
      await until('binding', `${topic} ${payload}`, 2);
      const [first, second] = times('binding', `${topic} ${payload}`);
      expect(second?.causeId).toBe(first?.causeId);
    });
  });
}
