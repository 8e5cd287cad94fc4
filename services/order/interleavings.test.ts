import { describe, expect, it, test } from '@jest/globals';
import { Code, MicroserviceError } from '#kit/core/errors';
import { deliverUntilAcknowledged, interleaveAfterEffect } from '#kit/testing/interleaving';
import { Crash } from '#kit/testing/memory-transport';
import { CancelOrder, OrderCancelled, OrderConfirmed } from '#contracts/order';
import {
  type Bed,
  FakeServices,
  bedWith,
  fulfil,
  orderOf,
  pendingOrder,
  replicaOf,
  noAnswer,
  steps,
  orderRequest,
} from './testing';

// A buyer cancels while another process fulfils the order: after each single effect of the
// fulfilment, and the reverse. Either process may crash at any effect.

const command = { orderId: 'o1', userId: 'ann', reason: 'changed_my_mind' };
const cancel = (bed: Bed) => bed.handleEvent(CancelOrder, command, { id: 'cancel' });
type Work = (bed: Bed) => Promise<unknown>;

const orders = [
  { what: 'that succeeds', request: orderRequest() },
  { what: 'that is out of stock', request: orderRequest({ quantity: 101 }) },
  { what: 'whose payment is declined', request: orderRequest({ token: 'tok_declined' }) },
  { what: 'whose payment is flaky', request: orderRequest({ token: 'tok_flaky' }) },
  { what: 'whose payment outcome stays unknown', request: orderRequest({ token: 'tok_timeout' }) },
  { what: 'that cannot be delivered', request: orderRequest({ country: 'FR' }) },
];

/** The number of effects of this work without interference. */
async function effectsOf(work: Work, request: ReturnType<typeof orderRequest>): Promise<number> {
  const bed = await bedWith(pendingOrder(request));
  await work(bed);
  return bed.sidecar.effects;
}

async function expectCancelled(bed: Bed, services: FakeServices, what: string): Promise<void> {
  const order = await orderOf(bed);
  const events = new Map(bed.memory.events.map(({ id, type }) => [id, type]));
  const count = (type: string) => [...events.values()].filter((one) => one === type).length;
  const logged = order.story.events.filter(({ type }) => type === 'order.cancelled');
  expect({
    what,
    status: order.status,
    sold: services.isSold(),
    cancelled: count(OrderCancelled.type),
    logged: logged.length,
    confirmedUnstored: count(OrderConfirmed.type) > 0 && order.confirmedAt === undefined,
    token: JSON.stringify([...bed.memory.documents, bed.memory.events]).includes('tok_'),
  }).toEqual({
    what,
    status: 'cancelled',
    sold: false,
    cancelled: 1,
    logged: 1,
    confirmedUnstored: false,
    token: false,
  });
}

/** Several hundred crashes, on a busy machine. */
const TIMEOUT_MS = 60_000;

describe.each(orders)('an order $what', ({ request }) => {
  it('ends cancelled whenever its buyer cancels during its fulfilment', async () => {
    const effects = await effectsOf(fulfil, request);
    for (let n = 1; n <= effects; n++) {
      const services = new FakeServices();
      const bed = await bedWith(pendingOrder(request), services);
      const other = replicaOf(bed, services);
      interleaveAfterEffect(bed, n, () => deliverUntilAcknowledged(other, cancel));
      await deliverUntilAcknowledged(bed, fulfil);
      await expectCancelled(bed, services, `cancelled after effect ${n} of ${effects}`);
    }
  });

  it('ends cancelled whenever its fulfilment runs during its cancellation', async () => {
    const effects = await effectsOf(cancel, request);
    for (let n = 1; n <= effects; n++) {
      const services = new FakeServices();
      const bed = await bedWith(pendingOrder(request), services);
      const other = replicaOf(bed, services);
      interleaveAfterEffect(bed, n, () => deliverUntilAcknowledged(other, fulfil));
      await deliverUntilAcknowledged(bed, cancel);
      await expectCancelled(bed, services, `fulfilled after effect ${n} of ${effects}`);
    }
  });

  it(
    'ends cancelled wherever either process crashes',
    async () => {
      const effects = await effectsOf(fulfil, request);
      for (let n = 1; n <= effects; n++) {
        for (let kill = 1; kill <= 12; kill++) {
          const services = new FakeServices();
          const bed = await bedWith(pendingOrder(request), services);
          const other = replicaOf(bed, services);
          // the cancellation crashes, and the fulfilment continues before the redelivery
          other.injectFaults({ crashAfterEffect: kill });
          interleaveAfterEffect(bed, n, () => cancel(other).catch(() => undefined));
          await deliverUntilAcknowledged(bed, async (on) => {
            const outcome = await fulfil(on);
            // the fulfilment waits for a cancellation that has cancelled its delivery
            if (outcome === 'PARKED') await deliverUntilAcknowledged(other, cancel);
            return outcome;
          });
          await deliverUntilAcknowledged(other, cancel);
          await expectCancelled(
            bed,
            services,
            `effect ${n}, the cancellation killed after ${kill}`,
          );
        }
      }
    },
    TIMEOUT_MS,
  );

  it('ends cancelled if a crashed fulfilment is redelivered after the cancellation', async () => {
    const effects = await effectsOf(fulfil, request);
    for (let n = 1; n <= effects; n++) {
      const services = new FakeServices();
      const bed = await bedWith(pendingOrder(request), services);
      bed.injectFaults({ crashAfterEffect: n });
      await expect(fulfil(bed)).rejects.toThrow(Crash);
      const other = replicaOf(bed, services);
      await deliverUntilAcknowledged(other, cancel);
      await deliverUntilAcknowledged(bed, fulfil);
      await expectCancelled(bed, services, `killed after effect ${n} of ${effects}`);
    }
  });

  it('ends cancelled if a stalled fulfilment resumes after another process took it over', async () => {
    const effects = await effectsOf(fulfil, request);
    for (let n = 1; n <= effects; n++) {
      const services = new FakeServices();
      const bed = await bedWith(pendingOrder(request), services);
      const other = replicaOf(bed, services);
      interleaveAfterEffect(bed, n, async () => {
        await deliverUntilAcknowledged(other, fulfil);
        await deliverUntilAcknowledged(other, cancel);
      });
      await deliverUntilAcknowledged(bed, fulfil);
      await expectCancelled(bed, services, `stalled after effect ${n} of ${effects}`);
    }
  });

  it('ends the same when two processes fulfil it concurrently', async () => {
    const effects = await effectsOf(fulfil, request);
    const alone = await bedWith(pendingOrder(request));
    await fulfil(alone);
    const { status, reason, story } = await orderOf(alone);
    for (let n = 1; n <= effects; n++) {
      const services = new FakeServices();
      const bed = await bedWith(pendingOrder(request), services);
      interleaveAfterEffect(bed, n, () =>
        deliverUntilAcknowledged(replicaOf(bed, services), fulfil),
      );
      await deliverUntilAcknowledged(bed, fulfil);
      const order = await orderOf(bed);
      expect({ n, status: order.status, reason: order.reason }).toEqual({ n, status, reason });
      expect(order.story.events.map(({ type }) => type)).toEqual(
        story.events.map(({ type }) => type),
      );
      expect(services.isSold()).toBe(status === 'confirmed');
      const ended = [...bed.published(OrderConfirmed), ...bed.published(OrderCancelled)];
      expect(ended).toHaveLength(1);
    }
  });
});

test.each([
  ['pending', async () => undefined],
  ['confirmed', fulfil],
])('an order that is %s is cancelled once when two requests race', async (_, before) => {
  const again: Work = (bed) => bed.handleEvent(CancelOrder, command, { id: 'cancel-again' });
  for (let n = 1; n <= 9; n++) {
    for (let kill = 1; kill <= 9; kill++) {
      const services = new FakeServices();
      const bed = await bedWith(pendingOrder(), services);
      await before(bed);
      const other = replicaOf(bed, services);
      other.injectFaults({ crashAfterEffect: kill });
      bed.injectFaults({});
      interleaveAfterEffect(bed, n, () => again(other).catch(() => undefined));
      await deliverUntilAcknowledged(bed, cancel);
      await deliverUntilAcknowledged(other, again);
      await expectCancelled(bed, services, `effect ${n}, the other killed after ${kill}`);
    }
  }
});

test('the saga log of an order that was cancelled during its fulfilment has the steps of both', async () => {
  const services = new FakeServices();
  const bed = await bedWith(pendingOrder(), services);
  const other = replicaOf(bed, services);
  // the list, order.created, the reservation; then the buyer cancels
  interleaveAfterEffect(bed, 3, async () => {
    services.clock.advance(1);
    await deliverUntilAcknowledged(other, cancel);
    services.clock.advance(1);
  });
  await deliverUntilAcknowledged(bed, fulfil);
  expect(steps(await orderOf(bed))).toEqual([
    'place done',
    'reserve done',
    'cancel_delivery done',
    'void done',
    'release done',
    'charge refused',
  ]);
  const { story } = await orderOf(bed);
  expect(story.events.map(({ type }) => type)).toEqual([
    'order.created',
    'order.cancelled',
    'order.status.updated',
  ]);
});

test('a fulfilment that finds the order cancelled compensates its last step', async () => {
  const services = new FakeServices();
  const bed = await bedWith(pendingOrder(), services);
  const other = replicaOf(bed, services);
  // a payment service that lost its void
  interleaveAfterEffect(bed, 3, async () => {
    await deliverUntilAcknowledged(other, cancel);
    services.money.delete('o1');
  });
  await deliverUntilAcknowledged(bed, fulfil);
  expect(bed.callCount('payment', 'charge')).toBe(1);
  expect(services.money.get('o1')).toBe('voided');
});

test('an order that is confirmed during its cancellation is cancelled as a confirmed one', async () => {
  const services = new FakeServices();
  const bed = await bedWith(pendingOrder(), services);
  const other = replicaOf(bed, services);
  // the cancellation reads it as pending, and it is confirmed before its delivery is cancelled
  const load = bed.sidecar.load.bind(bed.sidecar);
  let reads = 0;
  bed.sidecar.load = async (key) => {
    const loaded = await load(key);
    if (key.startsWith('orders:') && ++reads === 1) await deliverUntilAcknowledged(other, fulfil);
    return loaded;
  };
  expect(await cancel(bed)).toBe('PARKED');
  expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
  expect(await cancel(bed)).toBe('SUCCESS');
  expect(steps(await orderOf(bed)).slice(-3)).toEqual([
    'cancel_delivery done',
    'refund done',
    'return done',
  ]);
  await expectCancelled(bed, services, 'confirmed a moment before');
});

test('an order that is cancelled before its confirmation is published is published as both, once', async () => {
  const services = new FakeServices();
  const bed = await bedWith(pendingOrder(), services);
  const other = replicaOf(bed, services);
  bed.sidecar.onEffect = async () => {
    if (other.callCount('payment', 'refund') > 0) return;
    if ((await orderOf(bed)).status === 'confirmed') await deliverUntilAcknowledged(other, cancel);
  };
  await deliverUntilAcknowledged(bed, fulfil);
  expect(bed.callCount('inventory', 'commit')).toBe(1);
  expect(bed.published(OrderConfirmed)).toHaveLength(1);
  await expectCancelled(bed, services, 'cancelled before the commit');
});

test('a cancellation continues when the other services are available again', async () => {
  const services = new FakeServices();
  const bed = await bedWith(pendingOrder(), services);
  await deliverUntilAcknowledged(bed, fulfil);
  for (const method of ['cancel', 'refund', 'release']) {
    services.faults.set(method, [noAnswer(Code.UNAVAILABLE)]);
  }
  services.faults.get('refund')?.push(new MicroserviceError('no', Code.FAILED_PRECONDITION));
  const outcomes = [];
  for (let tries = 0; tries < 5; tries++) outcomes.push(await cancel(bed));
  expect(outcomes).toEqual(['PARKED', 'PARKED', 'PARKED', 'PARKED', 'SUCCESS']);
  await expectCancelled(bed, services, 'cancelled at last');
});
