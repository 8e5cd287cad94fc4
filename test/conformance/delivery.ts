import { until } from '../harness/until';
import { type Behaviour, seconds } from './behaviour';
import { Load } from './load';
import { Early, Unforeseen, latecomer } from './services';
import { AMPLE_MS, type Stage } from './stage';

export const sharing: Behaviour<Stage> = {
  name: 'every service gets each event, replicas of one share the work, one that joins or leaves loses nothing',
  holds: { lost: 0, doubled: 0, 'two replicas share': true, 'a third takes part': true },
  observe: async (stage, { load: size }) => {
    const load = new Load(stage, 'sharing');
    const works = (app: string) =>
      stage.ledger
        .of('worker', 'done')
        .filter((entry) => entry.app === app && entry.key.startsWith('sharing')).length;
    const both = () => ['worker', 'worker-2'].every((app) => works(app) > 0);
    const share = await came(until('work of both', both, AMPLE_MS));
    await load.reached(size / 2);
    const shares = ['worker', 'worker-2'].map(works);

    const third = stage.world.app('worker-3');
    third.start();
    await third.ready();
    const joined = performance.now();
    const takesPart = await came(until('its work', () => works('worker-3') > 0, AMPLE_MS));
    const after = performance.now() - joined;
    await Promise.all(third.processes.map((process) => process.stop()));
    const left = performance.now();
    await load.reached(load.said.length + size / 2);
    const outcome = await load.ended();
    return {
      facts: {
        ...outcome,
        'two replicas share': share,
        'a third takes part': takesPart,
      },
      figures: {
        shares: shares.join(' : '),
        'a third works after': seconds(after),
        'all is done after it left': seconds(performance.now() - left),
      },
    };
  },
};

export const retries: Behaviour<Stage> = {
  name: 'a transient failure is retried as the policy says, and succeeds',
  holds: { attempts: 4, effects: 1 },
  observe: async (stage) => {
    const event = stage.event('retries', { fails: 3 });
    // the one who counts its failures is the one who retries: its sidecar keeps the event
    await stage.say(event);
    await stage.done('worker', 'retries');
    const attempts = stage.begun(event.id);
    const gaps = attempts.slice(1).map(({ at }, index) => at - (attempts[index]?.at ?? at));
    return {
      facts: { attempts: attempts.length, effects: await stage.count('retries') },
      figures: {
        'between attempts': `${seconds(Math.min(...gaps))} to ${seconds(Math.max(...gaps))}`,
      },
    };
  },
};

export const duplicates: Behaviour<Stage> = {
  name: 'an event that comes again and again has one effect',
  holds: { effects: 1 },
  observe: async (stage) => {
    const event = stage.event('duplicates', { ms: 200 });
    await Promise.all(Array.from({ length: 10 }, () => stage.say(event)));
    await stage.done('worker', 'duplicates');
    for (let time = 0; time < 5; time++) await stage.say(event);
    // what the watcher does is told for each delivery
    await stage.done('watcher', 'duplicates', 15);
    await passed(stage, 'duplicates-after');
    return {
      facts: { effects: await stage.count('duplicates') },
      figures: { 'came to the worker': `${stage.begun(event.id).length} times of 15` },
    };
  },
};

const came = (waited: Promise<unknown>) =>
  waited.then(
    () => true,
    () => false,
  );

/** Waits until events said now have come through: what was said before is not on its way any more. */
export async function passed(stage: Stage, key: string): Promise<void> {
  const ATTEMPTS = 20;
  for (let n = 0; n < ATTEMPTS; n++) await stage.say(stage.event(`${key}-${n}`));
  for (let n = 0; n < ATTEMPTS; n++) await stage.done('worker', `${key}-${n}`);
}

export const early: Behaviour<Stage> = {
  name: 'an event said before its consumer ever ran is handled when that comes',
  holds: { 'to a service of the system': 'handled', 'to one that nobody foresaw': 'handled' },
  observe: async (stage) => {
    const said = { 'to a service of the system': Early, 'to one that nobody foresaw': Unforeseen };
    const topics = Object.entries(said);
    for (const [name, { type }] of topics) await stage.say(stage.event(name, {}, { type }));
    const begun = performance.now();
    const consumer = stage.world.app(latecomer.name);
    consumer.start();
    await consumer.ready();
    const heard = (key: string) =>
      stage.ledger.of(latecomer.name, 'done').some((entry) => entry.key === key);
    for (const [name, { type }] of topics) {
      // once it hears what is said now, it has been given what was said before, or never will be
      await until(`the latecomer to hear ${type}`, async () => {
        await stage.say(stage.event(`after ${name}`, {}, { type }));
        return heard(`after ${name}`);
      });
    }
    const took = performance.now() - begun;
    // the earlier one may come by another partition than the later
    const all = () => topics.every(([name]) => heard(name));
    await until('what was said before', all, 5_000).catch(() => {});
    const facts = topics.map(([name]) => [name, heard(name) ? 'handled' : 'lost']);
    return {
      facts: Object.fromEntries(facts) as Record<string, string>,
      figures: { 'hears after its start': seconds(took) },
    };
  },
};
