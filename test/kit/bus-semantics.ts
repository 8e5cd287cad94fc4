import { describe, expect, it } from '@jest/globals';
import { OrderConfirmed, OrderCreated } from '#contracts/order';
import { asService } from '#kit/core/caller';
import type { CloudEvent } from '#kit/messages/cloud-event';
import { Code, refused, unavailable } from '#kit/core/errors';
import { newCallContext } from '#kit/core/call-context';
import { SemanticsFixture, created, fresh } from './semantics-fixture';
import type { SampleBusSystem } from './sample-system';
import {
  AskStock,
  type Context,
  StockCounted,
  StockCountedForBoth,
  StockCountedOld,
  answering,
  script,
} from './sample';

/**
 * The kit's guarantees for batches, versions and requests, in memory. test/conformance runs the same
 * on real brokers.
 */
export function describeBusSemantics(open: () => Promise<SampleBusSystem>): void {
  describe("the kit's semantics of the bus", () => {
    const fixture = new SemanticsFixture(open);
    const { times, until, begin, deadLetter, event } = fixture;

    describe('events in batches', () => {
      const confirmed = (orderId: string) => ({
        ...created(orderId),
        status: 'confirmed' as const,
      });
      const sayAll = async (ids: readonly string[]) => {
        await begin().publishAll(OrderConfirmed, ids.map(confirmed));
      };

      it('are published by the hundred and arrive once each, many at a time', async () => {
        const ids = Array.from({ length: 250 }, () => fresh());
        const before = await fixture.system.batches();
        await sayAll(ids);
        await fixture.system.until('all of them', () =>
          ids.every((id) => times('batched', id).length > 0),
        );
        expect(ids.filter((id) => times('batched', id).length !== 1)).toEqual([]);
        const after = await fixture.system.batches();
        expect(after.events - before.events).toBe(250);
        expect(after.count - before.count).toBeLessThan(125);
        expect(times('batched', ids[0]!)[0]?.detail).toMatchObject({
          ...{ type: 'order.confirmed', source: 'order', subject: ids[0] },
        });
      });

      it('have the same ids when they are published again under the same call context', async () => {
        const ids = [fresh(), fresh()];
        const callContext = newCallContext(fixture.system.clock, {
          caller: asService(),
          deadline: Infinity,
        });
        for (const again of [1, 2]) {
          await begin(callContext).publishAll(OrderConfirmed, ids.map(confirmed));
          for (const id of ids) await until('batched', id, again);
        }
        for (const id of ids) {
          expect(new Set(times('batched', id).map(({ causeId }) => causeId)).size).toBe(1);
        }
      });

      it('are not blocked by one that is refused, is invalid, or fails for a while', async () => {
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
        await fixture.system.publish(event(junk, { type, data: { orderId: junk } }));
        await sayAll([...ids.slice(0, 10), no, later, ...ids.slice(10)]);
        await until('batched', later, 3);
        await fixture.system.until('the rest', () =>
          ids.every((id) => times('batched', id).length > 0),
        );
        expect(await deadLetter(junk)).toMatchObject({ reason: 'unreadable' });
        await fixture.system.until('the dead letter of the refused one', async () => {
          const { letters } = await fixture.system.order.runtime.deadLetters.page(1, 100);
          return letters.some(({ subject, reason }) => subject === no && reason === 'closed');
        });
        // events that were handled are not handled again because of the others
        expect(ids.filter((id) => times('batched', id).length !== 1)).toEqual([]);
      });
    });

    describe('a new version of an event beside the old one', () => {
      /** The data that the old and the new subscriber got, once both have it. */
      const publishedEvents = async (publishEvent: (context: Context) => Promise<void>) => {
        const id = fresh('corr');
        await publishEvent(begin({ correlationId: id }));
        await until('counted by new', id);
        return { id, byNew: times('counted by new', id)[0]?.detail };
      };
      const byOld = async (id: string) => {
        await until('counted by old', id);
        return times('counted by old', id)[0]?.detail;
      };

      it('published by the old code is handled by the old code, and upcast for the new', async () => {
        const { id, byNew } = await publishedEvents(({ publish }) =>
          publish(StockCountedOld, { pieces: 3 }),
        );
        expect(byNew).toEqual({ available: 3, reserved: 0 });
        expect(await byOld(id)).toEqual({ pieces: 3 });
      });

      it('published by the new code for both is handled by both', async () => {
        const stock = { available: 3, reserved: 1, pieces: 3 };
        const { id, byNew } = await publishedEvents(({ publish }) =>
          publish(StockCountedForBoth, stock),
        );
        expect(byNew).toEqual({ available: 3, reserved: 1 });
        expect(await byOld(id)).toEqual({ pieces: 3 });
      });

      it('published by the new code only is handled by the new, and stored as a dead letter by the old', async () => {
        const stock = { available: 3, reserved: 1 };
        const { id, byNew } = await publishedEvents(({ publish }) => publish(StockCounted, stock));
        expect(byNew).toEqual(stock);
        await fixture.system.until('a dead letter', async () => {
          const { letters } = await fixture.system.inventory.runtime.deadLetters.page(1, 100);
          return letters.some(({ correlationId, reason }) => {
            return correlationId === id && reason === 'unreadable';
          });
        });
        expect(times('counted by old', id)).toEqual([]);
      });
    });

    describe('requests over the bus', () => {
      const soon = (milliseconds: number) => ({
        deadline: fixture.system.clock.now() + milliseconds,
      });
      /** A reply as another process might publish it. */
      const replyTo = (request: string, available: number, over: Partial<CloudEvent> = {}) =>
        event(fresh('reply'), {
          ...{ type: 'order.replies', source: 'inventory' },
          causationid: request,
          data: { refusal: null, answer: { available, text: '' } },
          ...over,
        });

      it('are answered, and have the call context of their caller', async () => {
        const orderId = fresh();
        const context = begin({ caller: asService('tenant-7'), correlationId: `corr-${orderId}` });
        const answer = await context.request(AskStock, { orderId });
        expect(answer).toEqual({ available: 3, text: 'größer 🎉' });
        const [entry] = times('asked', orderId);
        expect(entry?.caller).toEqual({ userId: '', role: 'service', tenantId: 'tenant-7' });
        expect(entry?.detail).toMatchObject({
          correlationid: `corr-${orderId}`,
          causationid: context.callContext.id,
          replyto: 'order.replies',
        });
      });

      it('get their own answers, forty at the same time', async () => {
        const ids = Array.from({ length: 40 }, () => fresh());
        const publishedEvents = ids.map((id, at) => {
          answering.set(id, async ({ id: request }) => {
            await fixture.system.publish(replyTo(request, at));
          });
          return begin().request(AskStock, { orderId: id });
        });
        const answers = await Promise.all(publishedEvents);
        // the forged answer or the responder's own, whichever came first
        answers.forEach(({ available }, at) => {
          expect([at, 3]).toContain(available);
        });
      });

      it('are the same request when they are sent again under the same call context', async () => {
        const orderId = fresh();
        const callContext = newCallContext(fixture.system.clock, {
          caller: asService(),
          deadline: Infinity,
        });
        for (const given of [callContext, callContext, {}])
          await begin(given).request(AskStock, { orderId });
        const [first, second, third] = times('asked', orderId).map(({ causeId }) => causeId);
        expect(second).toBe(first);
        expect(third).not.toBe(first);
      });

      it('that are refused have the reason', async () => {
        const orderId = fresh('refused');
        await expect(begin().request(AskStock, { orderId })).rejects.toMatchObject({
          code: Code.FAILED_PRECONDITION,
          message: 'the shop is closed',
          details: { reason: 'closed', orderId },
        });
        expect(times('asked', orderId)).toHaveLength(1);
      });

      it('are redelivered when the responder fails, and answered then', async () => {
        const orderId = fresh();
        answering.set(orderId, async () => {
          if (times('asked', orderId).length < 2) throw unavailable('not yet');
        });
        await expect(begin().request(AskStock, { orderId })).resolves.toMatchObject({
          available: 3,
        });
      });

      it('without an answer in time are DEADLINE_EXCEEDED', async () => {
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

      it('that have expired are not handled', async () => {
        const [late, early] = [fresh(), fresh()];
        const type = AskStock.type;
        const at = (orderId: string, milliseconds: number) =>
          event(orderId, {
            ...{ type, data: { orderId } },
            expirytime: new Date(fixture.system.clock.now() + milliseconds).toISOString(),
          });
        await fixture.system.publish(at(late, -1));
        await fixture.system.publish(at(early, 60_000));
        await until('asked', early);
        await fixture.system.until(
          'the end',
          () => fixture.system.inventory.runtime.activeCount === 0,
        );
        expect(times('asked', late)).toEqual([]);
      });

      it('get an answer that arrives at another replica than the one that sent the request', async () => {
        const orderId = fresh();
        const callContext = newCallContext(fixture.system.clock, {
          caller: asService(),
          deadline: Infinity,
        });
        const context = fixture.system.replica.openContext(callContext) as unknown as Context;
        const answer = await context.request(AskStock, { orderId });
        expect(answer).toEqual({ available: 3, text: 'größer 🎉' });
      });

      it('with two answers are answered once', async () => {
        const orderId = fresh();
        script.set(orderId, async ({ counts, request }) => {
          const { available } = await request(AskStock, { orderId });
          await counts.update(orderId, (now) => ({
            orderId,
            count: (now?.count ?? 0) + available,
          }));
        });
        answering.set(orderId, async ({ id }) => {
          await fixture.system.publish(replyTo(id, 3));
          await fixture.system.publish(replyTo(id, 3));
        });
        await begin().publish(OrderCreated, created(orderId));
        await fixture.system.until('the count', async () => {
          return (await begin().counts.get(orderId)) !== undefined;
        });
        await fixture.system.until(
          'the end of the handler',
          () => fixture.system.order.runtime.activeCount === 0,
        );
        await expect(begin().counts.getOrThrow(orderId)).resolves.toEqual({ orderId, count: 3 });
      });

      it('ignore an answer that arrives too late', async () => {
        const [late, early] = [fresh('request'), fresh('request')];
        const at = (milliseconds: number) =>
          new Date(fixture.system.clock.now() + milliseconds).toISOString();
        await fixture.system.publish(replyTo(late, 1, { expirytime: at(-1) }));
        await fixture.system.publish(replyTo(early, 1, { expirytime: at(60_000) }));
        const kept = (request: string) =>
          fixture.system.order.sidecar.load(`outcome:${request}`, 5_000);
        await fixture.system.until(
          'the answer in time',
          async () => (await kept(early)) !== undefined,
        );
        await expect(kept(late)).resolves.toBeUndefined();
      });
    });
  });
}
