import type { CloudEvent } from '#kit/messages/cloud-event';
import { type Behaviour, seconds } from './behaviour';
import { passed } from './delivery';
import type { Stage } from './stage';

/** Events that become dead letters. All but the unreadable one can be handled after `stage.open`. */
const eventsOf = (stage: Stage): Record<string, CloudEvent> => ({
  refused: stage.event('dead-refused', { whileClosed: 'refuse' }),
  'retries exhausted': stage.event('dead-exhausted', { whileClosed: 'fail' }),
  unreadable: stage.event('dead-unreadable', {}, { data: { key: 1 } }),
});

export const deadLetters: Behaviour<Stage> = {
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
  observe: async (stage) => {
    const events = eventsOf(stage);
    const published = Date.now();
    for (const event of Object.values(events)) await stage.say(event);
    const reasons: Record<string, string> = {};
    let attempts = 0;
    for (const [name, { id }] of Object.entries(events)) {
      const letter = await stage.deadLetter(id);
      reasons[name] = letter.reason;
      if (name === 'retries exhausted') attempts = letter.attempts;
    }
    const took = Date.now() - published;
    const ids = Object.values(events).map(({ id }) => id);
    const kept = async () => (await stage.letters(ids)).length;
    for (const name of ['worker', 'worker-2']) await stage.restart(name);
    const afterRestart = await kept();

    stage.open('dead-refused', 'dead-exhausted');
    let replayed = 0;
    for (const id of ids) if (await stage.replay(id)) replayed++;
    // once more, like a duplicate from the broker
    for (const event of Object.values(events)) await stage.say(event);
    await passed(stage, 'dead-after');
    const effects = await Promise.all(
      ['dead-refused', 'dead-exhausted'].map((key) => stage.count(key)),
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
