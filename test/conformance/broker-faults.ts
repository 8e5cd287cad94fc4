import type { CloudEvent } from '#kit/messages/cloud-event';
import { Code, MicroserviceError } from '#kit/core/errors';
import { until } from '../harness/until';
import { type Behaviour, seconds } from './behaviour';
import { Load } from './load';
import { AMPLE_MS, type BrokerFixture } from './broker-fixture';

export const brokerRestarts: Behaviour<BrokerFixture> = {
  name: 'a restart or kill of the broker under load loses no acknowledged event',
  holds: { acknowledged: 'handled', duplicated: 0 },
  observe: async (broker, { load: size }) => {
    const load = new Load(broker, 'restarts');
    await load.reached(size / 4);
    const restarted = await flowAgain(broker, load, 'stop');
    await load.reached(load.done().size + size / 4);
    const killed = await flowAgain(broker, load, 'kill');
    await load.reached(load.done().size + size / 4);
    const { lost, duplicated } = await load.ended();
    return {
      facts: { acknowledged: lost === 0 ? 'handled' : 'not all handled', duplicated },
      figures: {
        'events published around a restart and a kill': String(load.published.length),
        'events lost': String(lost),
        'events flow again after a restart': seconds(restarted),
        'events flow again after a kill': seconds(killed),
      },
    };
  },
};

/** Stops or kills the broker and starts it again; returns the milliseconds from then to the first new event done. */
async function flowAgain(broker: BrokerFixture, load: Load, how: 'stop' | 'kill'): Promise<number> {
  const { process } = broker.system.broker;
  await process[how]();
  const away = Date.now();
  process.start();
  const isNew = ({ id, time = '' }: CloudEvent) => Date.parse(time) > away && load.done().has(id);
  await until('the load to flow again', () => load.published.some(isNew), 2 * AMPLE_MS);
  return Date.now() - away;
}

const COUNT = 3;
/** A publish may take 5 s; the rest is for a busy machine. */
const WITHIN_MS = 6_000;

export const brokerAway: Behaviour<BrokerFixture> = {
  name: 'a publish fails within its deadline while the broker is down, and works when it is back',
  holds: {
    status: 'UNAVAILABLE',
    'within its deadline': true,
    'acknowledged and lost': 0,
    duplicated: 0,
  },
  observe: async (broker) => {
    const { process } = broker.system.broker;
    await process.kill();
    const tries = [];
    for (let n = 0; n < COUNT; n++) tries.push(await attempt(broker, broker.event(`away-${n}`)));
    process.start();
    const back = Date.now();
    await until(
      'a publish',
      async () => {
        await broker.publish(broker.event('away-back'));
        return true;
      },
      AMPLE_MS,
    );
    const recovered = Date.now() - back;
    await broker.waitForDone('worker', 'away-back');
    // a rejected event is published again; if it was stored nevertheless, it is the same event
    for (const { event } of tries) await broker.publish(event);
    for (const { event } of tries) await broker.waitForDone('worker', event.subject);
    const counts = await Promise.all(tries.map(({ event }) => broker.count(event.subject)));
    const answers = new Set(tries.map(({ answer }) => answer));
    const longest = Math.max(...tries.map(({ took }) => took));
    return {
      facts: {
        status: [...answers].join(', '),
        'within its deadline': longest < WITHIN_MS,
        'acknowledged and lost': tries.filter(({ answer }) => answer === 'OK').length,
        duplicated: counts.filter((count) => count > 1).length,
      },
      figures: {
        'publish fails after': seconds(longest),
        'publish works again after': seconds(recovered),
      },
    };
  },
};

async function attempt(broker: BrokerFixture, event: CloudEvent) {
  const begun = performance.now();
  const ended = (answer: string) => ({ event, answer, took: performance.now() - begun });
  try {
    await broker.publish(event);
    return ended('OK');
  } catch (error) {
    if (!(error instanceof MicroserviceError)) throw error;
    return ended(Code[error.code]);
  }
}
