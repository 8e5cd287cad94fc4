import { describe, expect, it, test } from '@jest/globals';
import { Code, MicroserviceError } from '#kit/core/errors';
import { deliverUntilAcknowledged, interleaveAfterEffect } from '#kit/testing/interleaving';
import { Crash } from '#kit/testing/memory-transport';
import { CancelOrder, OrderCancelled, OrderConfirmed } from '#contracts/order';
import {
  type Bed,
  World,
  bedWith,
  fulfil,
  orderOf,
  pending,
  replicaOf,
  silent,
  steps,
  wish,
} from './testing';

// A buyer cancels while the order is being fulfilled: in another process, after each single effect
// of the fulfilment, and the other way round; and either process may die on the way.

const command = { orderId: 'o1', userId: 'ann', reason: 'changed_my_mind' };
const cancel = (bed: Bed) => bed.handleEvent(CancelOrder, command, { id: 'cancel' });
type Work = (bed: Bed) => Promise<unknown>;

const wishes = [
  { what: 'that nothing stands against', wanted: wish() },
  { what: 'that is out of stock', wanted: wish({ quantity: 101 }) },
  { what: 'whose payment is declined', wanted: wish({ token: 'tok_declined' }) },
  { what: 'whose payment stumbles', wanted: wish({ token: 'tok_flaky' }) },
  { what: 'whose payment stays unknown', wanted: wish({ token: 'tok_timeout' }) },
  { what: 'that cannot be delivered', wanted: wish({ country: 'AQ' }) },
];

/** How many effects some work has when it is left alone. */
async function effectsOf(work: Work, wanted: ReturnType<typeof wish>): Promise<number> {
  const bed = await bedWith(pending(wanted));
  await work(bed);
  return bed.sidecar.effects;
}

async function expectCancelled(bed: Bed, world: World, what: string): Promise<void> {
  const order = await orderOf(bed);
  const events = new Map(bed.memory.events.map(({ id, type }) => [id, type]));
  const count = (type: string) => [...events.values()].filter((one) => one === type).length;
  const told = order.story.events.filter(({ type }) => type === 'order.cancelled');
  expect({
    what,
    status: order.status,
    sold: world.sold(),
    cancelled: count(OrderCancelled.type),
    told: told.length,
    confirmedUnseen: count(OrderConfirmed.type) > 0 && order.confirmedAt === undefined,
    token: JSON.stringify([...bed.memory.documents, bed.memory.events]).includes('tok_'),
  }).toEqual({
    ...{ what, status: 'cancelled', sold: false, cancelled: 1, told: 1 },
    ...{ confirmedUnseen: false, token: false },
  });
}

/** Some hundred ways to die, on a machine that is busy. */
const PATIENCE_MS = 60_000;

describe.each(wishes)('an order $what', ({ wanted }) => {
  it('ends cancelled, whenever its buyer cancels during its fulfilment', async () => {
    const effects = await effectsOf(fulfil, wanted);
    for (let n = 1; n <= effects; n++) {
      const world = new World();
      const bed = await bedWith(pending(wanted), world);
      const other = replicaOf(bed, world);
      interleaveAfterEffect(bed, n, () => deliverUntilAcknowledged(other, cancel));
      await deliverUntilAcknowledged(bed, fulfil);
      await expectCancelled(bed, world, `cancelled after effect ${n} of ${effects}`);
    }
  });

  it('ends cancelled, whenever its fulfilment comes during its cancellation', async () => {
    const effects = await effectsOf(cancel, wanted);
    for (let n = 1; n <= effects; n++) {
      const world = new World();
      const bed = await bedWith(pending(wanted), world);
      const other = replicaOf(bed, world);
      interleaveAfterEffect(bed, n, () => deliverUntilAcknowledged(other, fulfil));
      await deliverUntilAcknowledged(bed, cancel);
      await expectCancelled(bed, world, `fulfilled after effect ${n} of ${effects}`);
    }
  });

  it(
    'ends cancelled, whoever dies where',
    async () => {
      const effects = await effectsOf(fulfil, wanted);
      for (let n = 1; n <= effects; n++) {
        for (let kill = 1; kill <= 12; kill++) {
          const world = new World();
          const bed = await bedWith(pending(wanted), world);
          const other = replicaOf(bed, world);
          // the cancellation dies on its way, and the fulfilment goes on before it comes again
          other.injectFaults({ crashAfterEffect: kill });
          interleaveAfterEffect(bed, n, () => cancel(other).catch(() => undefined));
          await deliverUntilAcknowledged(bed, async (on) => {
            const outcome = await fulfil(on);
            // it waits for a cancellation that has called its delivery off
            if (outcome === 'RETRY') await deliverUntilAcknowledged(other, cancel);
            return outcome;
          });
          await deliverUntilAcknowledged(other, cancel);
          await expectCancelled(bed, world, `effect ${n}, the cancellation killed after ${kill}`);
        }
      }
    },
    PATIENCE_MS,
  );

  it('ends cancelled, when the fulfilment died and comes again after the cancellation', async () => {
    const effects = await effectsOf(fulfil, wanted);
    for (let n = 1; n <= effects; n++) {
      const world = new World();
      const bed = await bedWith(pending(wanted), world);
      bed.injectFaults({ crashAfterEffect: n });
      await expect(fulfil(bed)).rejects.toThrow(Crash);
      const other = replicaOf(bed, world);
      await deliverUntilAcknowledged(other, cancel);
      await deliverUntilAcknowledged(bed, fulfil);
      await expectCancelled(bed, world, `killed after effect ${n} of ${effects}`);
    }
  });

  it('ends cancelled, when the fulfilment is given to another process and wakes up again', async () => {
    const effects = await effectsOf(fulfil, wanted);
    for (let n = 1; n <= effects; n++) {
      const world = new World();
      const bed = await bedWith(pending(wanted), world);
      const other = replicaOf(bed, world);
      interleaveAfterEffect(bed, n, async () => {
        await deliverUntilAcknowledged(other, fulfil);
        await deliverUntilAcknowledged(other, cancel);
      });
      await deliverUntilAcknowledged(bed, fulfil);
      await expectCancelled(bed, world, `asleep after effect ${n} of ${effects}`);
    }
  });

  it('ends the same when two processes fulfil it at once', async () => {
    const effects = await effectsOf(fulfil, wanted);
    const alone = await bedWith(pending(wanted));
    await fulfil(alone);
    const { status, reason, story } = await orderOf(alone);
    for (let n = 1; n <= effects; n++) {
      const world = new World();
      const bed = await bedWith(pending(wanted), world);
      interleaveAfterEffect(bed, n, () => deliverUntilAcknowledged(replicaOf(bed, world), fulfil));
      await deliverUntilAcknowledged(bed, fulfil);
      const order = await orderOf(bed);
      expect({ n, status: order.status, reason: order.reason }).toEqual({ n, status, reason });
      expect(order.story.events.map(({ type }) => type)).toEqual(
        story.events.map(({ type }) => type),
      );
      expect(world.sold()).toBe(status === 'confirmed');
      const ended = [...bed.published(OrderConfirmed), ...bed.published(OrderCancelled)];
      expect(ended).toHaveLength(1);
    }
  });
});

test.each([
  ['pending', async () => undefined],
  ['confirmed', fulfil],
])('an order that is %s is cancelled once, however often it is asked for', async (_, before) => {
  const again: Work = (bed) => bed.handleEvent(CancelOrder, command, { id: 'cancel-again' });
  for (let n = 1; n <= 9; n++) {
    for (let kill = 1; kill <= 9; kill++) {
      const world = new World();
      const bed = await bedWith(pending(), world);
      await before(bed);
      const other = replicaOf(bed, world);
      other.injectFaults({ crashAfterEffect: kill });
      bed.injectFaults({});
      interleaveAfterEffect(bed, n, () => again(other).catch(() => undefined));
      await deliverUntilAcknowledged(bed, cancel);
      await deliverUntilAcknowledged(other, again);
      await expectCancelled(bed, world, `effect ${n}, the other killed after ${kill}`);
    }
  }
});

test('the story of an order that was cancelled during its fulfilment has the steps of both', async () => {
  const world = new World();
  const bed = await bedWith(pending(), world);
  const other = replicaOf(bed, world);
  // the list, the announcement, the reservation; then the buyer cancels
  interleaveAfterEffect(bed, 3, async () => {
    world.clock.advance(1);
    await deliverUntilAcknowledged(other, cancel);
    world.clock.advance(1);
  });
  await deliverUntilAcknowledged(bed, fulfil);
  expect(steps(await orderOf(bed))).toEqual([
    ...['place done', 'reserve done'],
    ...['cancel_delivery done', 'void done', 'release done'],
    'charge refused',
  ]);
  const { story } = await orderOf(bed);
  expect(story.events.map(({ type }) => type)).toEqual([
    ...['order.created', 'order.cancelled', 'order.status.updated'],
  ]);
});

test('a fulfilment that finds the order cancelled undoes what it did last', async () => {
  const world = new World();
  const bed = await bedWith(pending(), world);
  const other = replicaOf(bed, world);
  // a service that has forgotten what it was told to bar
  interleaveAfterEffect(bed, 3, async () => {
    await deliverUntilAcknowledged(other, cancel);
    world.money.delete('o1');
  });
  await deliverUntilAcknowledged(bed, fulfil);
  expect(bed.callCount('payment', 'charge')).toBe(1);
  expect(world.money.get('o1')).toBe('voided');
});

test('an order that was confirmed a moment before is cancelled as a confirmed one', async () => {
  const world = new World();
  const bed = await bedWith(pending(), world);
  const other = replicaOf(bed, world);
  // it is read as pending, and confirmed before its delivery is called off
  const load = bed.sidecar.load.bind(bed.sidecar);
  let reads = 0;
  bed.sidecar.load = async (key) => {
    const loaded = await load(key);
    if (key.startsWith('orders:') && ++reads === 1) await deliverUntilAcknowledged(other, fulfil);
    return loaded;
  };
  expect(await cancel(bed)).toBe('RETRY');
  expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
  expect(await cancel(bed)).toBe('SUCCESS');
  expect(steps(await orderOf(bed)).slice(-3)).toEqual([
    ...['cancel_delivery done', 'refund done', 'return done'],
  ]);
  await expectCancelled(bed, world, 'confirmed a moment before');
});

test('an order that is cancelled between its confirmation and saying so is said to be both, once', async () => {
  const world = new World();
  const bed = await bedWith(pending(), world);
  const other = replicaOf(bed, world);
  bed.sidecar.onEffect = async () => {
    if (other.callCount('payment', 'refund') > 0) return;
    if ((await orderOf(bed)).status === 'confirmed') await deliverUntilAcknowledged(other, cancel);
  };
  await deliverUntilAcknowledged(bed, fulfil);
  expect(bed.callCount('inventory', 'commit')).toBe(1);
  expect(bed.published(OrderConfirmed)).toHaveLength(1);
  await expectCancelled(bed, world, 'cancelled before the commit');
});

test('a cancellation goes on where the other services come back', async () => {
  const world = new World();
  const bed = await bedWith(pending(), world);
  await deliverUntilAcknowledged(bed, fulfil);
  for (const method of ['cancel', 'refund', 'release']) {
    world.faults.set(method, [silent(Code.UNAVAILABLE)]);
  }
  world.faults.get('refund')?.push(new MicroserviceError('no', Code.FAILED_PRECONDITION));
  const outcomes = [];
  for (let tries = 0; tries < 5; tries++) outcomes.push(await cancel(bed));
  expect(outcomes).toEqual(['RETRY', 'RETRY', 'RETRY', 'RETRY', 'SUCCESS']);
  await expectCancelled(bed, world, 'cancelled at last');
});
