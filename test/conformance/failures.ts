import type { CloudEvent } from '#kit/messages/cloud-event';
import { type Behaviour, seconds } from './behaviour';
import { passed } from './delivery';
import type { Stage } from './stage';

/** What becomes a dead letter, and can be mended but for what nobody can read. */
const told = (stage: Stage): Record<string, CloudEvent> => ({
  refused: stage.event('dead-refused', { whileClosed: 'refuse' }),
  exhausted: stage.event('dead-exhausted', { whileClosed: 'fail' }),
  unreadable: stage.event('dead-unreadable', {}, { data: { key: 1 } }),
});

export const deadLetters: Behaviour<Stage> = {
  name: 'a refusal, an unreadable event and exhausted retries become dead letters, which survive a restart and are replayed once',
  holds: {
    ...{ refused: 'closed', exhausted: 'unavailable', unreadable: 'unreadable' },
    ...{ attempts: 6, 'after a restart': 3, replayed: 2, left: 1, effects: '1 and 1' },
  },
  observe: async (stage) => {
    const events = told(stage);
    const said = Date.now();
    for (const event of Object.values(events)) await stage.say(event);
    const reasons: Record<string, string> = {};
    let attempts = 0;
    for (const [name, { id }] of Object.entries(events)) {
      const letter = await stage.deadLetter(id);
      reasons[name] = letter.reason;
      if (name === 'exhausted') attempts = letter.attempts;
    }
    const took = Date.now() - said;
    const ids = Object.values(events).map(({ id }) => id);
    const kept = async () => (await stage.letters(ids)).length;
    for (const name of ['worker', 'worker-2']) await stage.restart(name);
    const afterRestart = await kept();

    stage.open('dead-refused', 'dead-exhausted');
    let replayed = 0;
    for (const id of ids) if (await stage.replay(id)) replayed++;
    // and once more, as a duplicate of the broker
    for (const event of Object.values(events)) await stage.say(event);
    await passed(stage, 'dead-after');
    const effects = await Promise.all(
      ['dead-refused', 'dead-exhausted'].map((key) => stage.count(key)),
    );
    return {
      facts: {
        ...{ ...reasons, attempts, 'after a restart': afterRestart, replayed },
        ...{ left: await kept(), effects: effects.join(' and ') },
      },
      figures: { 'exhausted after': seconds(took) },
    };
  },
};
