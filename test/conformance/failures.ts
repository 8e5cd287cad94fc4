import type { CloudEvent } from '#kit/messages/cloud-event';
import { type Behaviour, seconds } from './behaviour';
import { passed } from './delivery';
import type { BrokerFixture } from './broker-fixture';

/** Events that become dead letters. All but the unreadable one can be handled after `stage.open`. */
const eventsOf = (broker: BrokerFixture): Record<string, CloudEvent> => ({
  refused: broker.event('dead-refused', { whileClosed: 'refuse' }),
  'retries exhausted': broker.event('dead-exhausted', { whileClosed: 'fail' }),
  unreadable: broker.event('dead-unreadable', {}, { data: { key: 1 } }),
});

export const deadLetters: Behaviour<BrokerFixture> = {
  name: 'an event that cannot be handled becomes a dead letter, which can be replayed once',
  holds: {
    refused: 'closed',
    'retries exhausted': 'unavailable',
    unreadable: 'unreadable',
    attempts: 6,
    'dead letters after a restart': 3,
    replayed: 2,
    'left after the replay': 1,
    effects: '1 and 1',
  },
  observe: async (broker) => {
    const events = eventsOf(broker);
    const published = Date.now();
    for (const event of Object.values(events)) await broker.publish(event);
    const reasons: Record<string, string> = {};
    let attempts = 0;
    for (const [name, { id }] of Object.entries(events)) {
      const letter = await broker.deadLetter(id);
      reasons[name] = letter.reason;
      if (name === 'retries exhausted') attempts = letter.attempts;
    }
    const took = Date.now() - published;
    const ids = Object.values(events).map(({ id }) => id);
    const kept = async () => (await broker.letters(ids)).length;
    for (const name of ['worker', 'worker-2']) await broker.restart(name);
    const afterRestart = await kept();

    broker.open('dead-refused', 'dead-exhausted');
    let replayed = 0;
    for (const id of ids) if (await broker.replay(id)) replayed++;
    // once more, like a duplicate from the broker
    for (const event of Object.values(events)) await broker.publish(event);
    await passed(broker, 'dead-after');
    const effects = await Promise.all(
      ['dead-refused', 'dead-exhausted'].map((key) => broker.count(key)),
    );
    return {
      facts: {
        ...reasons,
        attempts,
        'dead letters after a restart': afterRestart,
        replayed,
        'left after the replay': await kept(),
        effects: effects.join(' and '),
      },
      figures: { 'retries of a failing event exhausted after': seconds(took) },
    };
  },
};
