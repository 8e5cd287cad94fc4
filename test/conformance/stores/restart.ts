import { randomUUID } from 'node:crypto';
import { until } from '../../harness/until';
import { type Behaviour, seconds } from '../behaviour';
import { type StoreFixture, STEP_MS } from './store-fixture';

const WRITERS = 8;
const AMPLE_MS = 60_000;

export const restart: Behaviour<StoreFixture> = {
  name: 'a restart or kill of the store under load loses no acknowledged change',
  holds: { lost: 0, duplicated: 0 },
  observe: async (store, { load: size }) => {
    const load = new Changes(store);
    await load.reached(size / 4);
    const restarted = await flowAgain(store, load, 'stop');
    await load.reached(load.acknowledged + size / 4);
    const killed = await flowAgain(store, load, 'kill');
    await load.reached(load.acknowledged + size / 4);
    const { lost, duplicated } = await load.ended();
    return {
      facts: { lost, duplicated },
      figures: {
        'changes acknowledged around a restart and a kill': String(load.acknowledged),
        'attempts that failed meanwhile': String(load.failed),
        'writable again after a restart': seconds(restarted),
        'writable again after a kill': seconds(killed),
      },
    };
  },
};

/** Stops or kills the store and starts it again; returns the milliseconds from then to the first acknowledged change. */
async function flowAgain(
  { server }: StoreFixture,
  load: Changes,
  how: 'stop' | 'kill',
): Promise<number> {
  if (server === undefined) throw new Error('the memory has no server');
  await server.end(how);
  const away = Date.now();
  const before = load.begun;
  await server.start();
  await until('changes to flow again', () => load.latest > before, AMPLE_MS);
  return Date.now() - away;
}

/** Changes of some documents, each retried under its call context until it is acknowledged. */
class Changes {
  /** How many changes were begun, and the number of the latest acknowledged one. */
  begun = 0;
  latest = 0;
  acknowledged = 0;
  failed = 0;
  #stopped = false;
  readonly #keys = Array.from({ length: WRITERS }, () => randomUUID());
  readonly #done = new Map<string, number>();
  readonly #running: Promise<unknown>;

  constructor(private readonly store: StoreFixture) {
    this.#running = Promise.all(this.#keys.map((key) => this.#write(key)));
    this.#running.catch(() => {});
  }

  async reached(count: number): Promise<void> {
    await until(`${count} changes`, () => this.acknowledged >= count, 2 * AMPLE_MS);
  }

  async ended(): Promise<{ lost: number; duplicated: number }> {
    this.#stopped = true;
    await this.#running;
    let lost = 0;
    let duplicated = 0;
    for (const [key, count] of this.#done) {
      // the other process has read nothing since: its connections are to the stopped server
      const kept = await until(
        'documents to be read by the other',
        async () => ({ count: await this.store.other.counted(key) }),
        AMPLE_MS,
      );
      lost += Math.max(0, count - kept.count);
      duplicated += Math.max(0, kept.count - count);
    }
    return { lost, duplicated };
  }

  async #write(key: string): Promise<void> {
    while (!this.#stopped) {
      const id = randomUUID();
      const number = ++this.begun;
      await until(
        `a change of ${key}`,
        async () => {
          try {
            const deadline = Date.now() + STEP_MS;
            await this.store.one.count(key, { id, deadline });
          } catch (error) {
            this.failed++;
            throw error;
          }
          return true;
        },
        AMPLE_MS,
      );
      this.acknowledged++;
      this.latest = Math.max(this.latest, number);
      this.#done.set(key, (this.#done.get(key) ?? 0) + 1);
    }
  }
}
