import type { CloudEvent } from '#kit/messages/cloud-event';
import { type Behaviour, inMs } from './behaviour';
import { BatchedTask } from './services';
import { AMPLE_MS, type BrokerFixture } from './broker-fixture';
import { until } from '../harness/until';

const MANY = 250;
const GOOD = 20;
const PUBLISH_MS = 5_000;
const LOOKS = 3;

export const batches: Behaviour<BrokerFixture> = {
  name: 'events published in bulk arrive in batches, and a failing one does not delay the others',
  holds: {
    lost: 0,
    duplicated: 0,
    'delivered in batches': true,
    'in a batch with failing events': 'handled',
    'handled again for them': 0,
    refused: 'closed',
    unreadable: 'unreadable',
    'failing at first': 'handled',
  },
  observe: async (broker) => {
    const of = (key: string, doing = {}) => broker.event(key, doing, { type: BatchedTask.type });
    const alone = await timed(async () => {
      for (let n = 0; n < GOOD; n++) await broker.publish(of(`single-${n}`));
    });
    const before = await handedOver(broker);
    const all = Array.from({ length: MANY }, (_, n) => of(`batched-${n}`));
    const took = await timed(() => broker.publisher.publishAll(all, PUBLISH_MS));
    const effects = await effectsOf(broker, all);
    const after = await handedOver(broker);
    const handed = after.count - before.count;
    return {
      facts: {
        lost: effects.filter((count) => count === 0).length,
        duplicated: effects.filter((count) => count > 1).length,
        'delivered in batches': handed < MANY / 2,
        ...(await poisonedAtRest(broker, of)),
      },
      figures: {
        'publishing one event takes': inMs(alone / GOOD),
        [`publishing ${MANY} in bulk takes, per event`]: inMs(took / MANY),
        'events per delivered batch': ((after.events - before.events) / handed).toFixed(1),
      },
    };
  },
};

type Of = (key: string, doing?: object) => CloudEvent;

/**
 * The outcome of events in a batch with events that fail. A broker may rebalance meanwhile and redeliver one
 * anyway, so it is observed again: a redelivery that is due to the batch happens every time.
 * batch brings again it brings every time.
 */
async function poisonedAtRest(broker: BrokerFixture, of: Of) {
  for (let look = 1; ; look++) {
    const seen = await poisoned(broker, (key, doing) => of(`${key}-${look}`, doing));
    if (seen['handled again for them'] === 0 || look === LOOKS) return seen;
  }
}

async function poisoned(broker: BrokerFixture, of: Of) {
  const good = Array.from({ length: GOOD }, (_, n) => of(`beside-poisoned-${n}`));
  const refused = of('batch-refused', { whileClosed: 'refuse' });
  const failing = of('batch-failing', { fails: 2 });
  const unreadable = { ...of('batch-unreadable'), data: { key: 1 } };
  const bad = [refused, failing, unreadable];
  await broker.publisher.publishAll(
    [...good.slice(0, GOOD / 2), ...bad, ...good.slice(GOOD / 2)],
    PUBLISH_MS,
  );
  const effects = await effectsOf(broker, good);
  const again = good.filter(({ id }) => broker.begun(id).length > 1);
  const reasonOf = async ({ id }: CloudEvent) => (await broker.deadLetter(id)).reason;
  const [ended = 0] = await effectsOf(broker, [failing]);
  return {
    'in a batch with failing events': effects.every((count) => count === 1)
      ? 'handled'
      : 'not all handled',
    'handled again for them': again.length,
    refused: await reasonOf(refused),
    unreadable: await reasonOf(unreadable),
    'failing at first': ended === 1 ? 'handled' : 'not handled',
  };
}

/** How many times each of these took effect, once all did or none does any more. */
async function effectsOf(broker: BrokerFixture, events: readonly CloudEvent[]): Promise<number[]> {
  const done = () => {
    const keys = new Set(broker.ledger.of('worker', 'done').map(({ key }) => key));
    return events.every(({ subject }) => keys.has(subject));
  };
  await until('all of a batch', done, AMPLE_MS).catch(() => {});
  return Promise.all(events.map(({ subject }) => broker.count(subject)));
}

/** The number of batches that the replicas of the worker got so far, and the events in them. */
async function handedOver({ system }: BrokerFixture): Promise<{ count: number; events: number }> {
  const found = { count: 0, events: 0 };
  for (const name of ['worker', 'worker-2']) {
    const text = await (await fetch(`${system.app(name).url}/metrics`)).text();
    const value = (part: string) =>
      Number(new RegExp(`^event_batch_size_${part} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
    found.count += value('count');
    found.events += value('sum');
  }
  return found;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
