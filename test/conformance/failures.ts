import type { CloudEvent } from '#kit/messages/cloud-event';
import { type Behaviour, seconds } from './behaviour';
import { passed } from './delivery';
import type { BrokerFixture } from './broker-fixture';

/** Events that become dead letters. All but the unreadable one can be handled after `stage.open`. */
const eventsOf = (broker: BrokerFixture): Record<string, CloudEvent> => ({
  refused: broker.event('dead-refused', { whileClosed: 'refuse' }),
  unreadable: broker.event('dead-unreadable', {}, { data: { key: 1 } }),
});

export const deadLetters: Behaviour<BrokerFixture> = {
  name: 'an event that cannot be handled becomes a dead letter, which can be replayed once',
  holds: {
    refused: 'closed',
    unreadable: 'unreadable',
    'dead letters after a restart': 2,
    replayed: 1,
    'left after the replay': 1,
    effects: 1,
  },
  observe: async (broker) => {
    const events = eventsOf(broker);
    for (const event of Object.values(events)) await broker.publish(event);
    const reasons: Record<string, string> = {};
    for (const [name, { id }] of Object.entries(events)) {
      reasons[name] = (await broker.deadLetter(id)).reason;
    }
    const ids = Object.values(events).map(({ id }) => id);
    const kept = async () => (await broker.letters(ids)).length;
    for (const name of ['worker', 'worker-2']) await broker.restart(name);
    const afterRestart = await kept();

    broker.open('dead-refused');
    let replayed = 0;
    for (const id of ids) if (await broker.replay(id)) replayed++;
    // once more, like a duplicate from the broker
    for (const event of Object.values(events)) await broker.publish(event);
    await passed(broker, 'dead-after');
    return {
      facts: {
        ...reasons,
        'dead letters after a restart': afterRestart,
        replayed,
        'left after the replay': await kept(),
        effects: await broker.count('dead-refused'),
      },
      figures: {},
    };
  },
};

/** The number of events about a subject that waits. */
const WAITING = 5;

export const outage: Behaviour<BrokerFixture> = {
  name: 'events whose dependency is unavailable wait in order, also over a restart, and go on within 30 s of its return',
  holds: {
    'handled meanwhile': 0,
    'events of other subjects': 'handled',
    'dead letters': 0,
    effects: WAITING,
    'in order': true,
    'within 30 s': true,
  },
  observe: async (broker) => {
    const key = 'outage';
    const events: CloudEvent[] = [];
    for (let n = 1; n <= WAITING; n++) {
      const event = broker.event(key, { n, whileClosed: 'fail' });
      events.push(event);
      await broker.publish(event);
      // not every broker keeps the order of events that are published shortly after one another
      await broker.parked(n);
    }
    await passed(broker, 'outage-meanwhile');
    const meanwhile = await broker.count(key);
    for (const name of ['worker', 'worker-2']) await broker.restart(name);

    broker.open(key);
    const returned = performance.now();
    await broker.waitForDone('worker', key, WAITING);
    const took = performance.now() - returned;
    const done = broker.ledger.of('worker', 'done').filter((entry) => entry.key === key);
    return {
      facts: {
        'handled meanwhile': meanwhile,
        // `passed` has waited for them
        'events of other subjects': 'handled',
        'dead letters': (await broker.letters(events.map(({ id }) => id))).length,
        effects: await broker.count(key),
        'in order': done.every(({ n }, index) => n === index + 1),
        'within 30 s': took < 30_000,
      },
      figures: { 'all events that waited are handled after': seconds(took) },
    };
  },
};
