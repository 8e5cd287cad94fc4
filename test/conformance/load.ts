import { setTimeout as sleep } from 'node:timers/promises';
import type { CloudEvent } from '#kit/messages/cloud-event';
import { type BrokerFixture, AMPLE_MS } from './broker-fixture';
import { until } from '../harness/until';

/** Fewer than the inbox entries of a document, so that each event is recognised if it comes twice. */
const PER_KEY = 25;
/** Keys of one publisher, whose events are interleaved. */
const KEYS_EACH = 2;
const AT_ONCE = 8;
/** Events published and not handled yet: a load that is faster than its handlers would measure their backlog. */
const AHEAD = 100;

/** Events published one after another under some keys, until it is stopped. */
export class Load {
  readonly published: CloudEvent[] = [];
  /** Publishes that failed and were repeated. */
  failed = 0;
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor(
    private readonly broker: BrokerFixture,
    private readonly prefix: string,
  ) {
    this.#running = Promise.all(
      Array.from({ length: AT_ONCE }, (_, publisher) => this.#publishKeys(publisher)),
    );
    this.#running.catch(() => {});
  }

  /** Waits until this number of events is handled. */
  async reached(count: number): Promise<void> {
    await until(`${count} of ${this.prefix}`, () => this.done().size >= count, 2 * AMPLE_MS);
  }

  /** Stops, and waits until each subscriber has handled everything, or makes no progress. */
  async ended(withinMs = AMPLE_MS): Promise<{ lost: number; duplicated: number }> {
    this.#stopped = true;
    await this.#running;
    const behind = () =>
      this.published.length - Math.min(this.done().size, this.done('watcher').size);
    await until(`all of ${this.prefix}`, () => behind() === 0, withinMs).catch(() => {});
    let lost = behind();
    let duplicated = 0;
    for (const [key, count] of this.#counts()) {
      const found = await this.broker.count(key);
      lost += Math.max(0, count - found);
      duplicated += Math.max(0, found - count);
    }
    return { lost, duplicated };
  }

  /** The ids of the events that a service has handled. */
  done(service = 'worker'): Set<string> {
    const mine = (key: string) => key.startsWith(`${this.prefix}_`);
    const entries = this.broker.ledger.of(service, 'done').filter(({ key }) => mine(key));
    return new Set(entries.map(({ id }) => id));
  }

  /** Each publisher has keys of its own, and publishes their events one after another. */
  async #publishKeys(publisher: number): Promise<void> {
    for (let at = 0; !this.#stopped;) {
      if (this.published.length - this.done().size >= AHEAD) {
        await sleep(20);
        continue;
      }
      const round = Math.floor(at / (KEYS_EACH * PER_KEY));
      const key = `${this.prefix}_${publisher}_${round * KEYS_EACH + (at % KEYS_EACH)}`;
      const n = Math.floor(at / KEYS_EACH) % PER_KEY;
      await this.#publish(this.broker.event(key, { n }));
      at++;
    }
  }

  /** Until the broker has it: an unacknowledged event is published again under the same id. */
  async #publish(event: CloudEvent): Promise<void> {
    await until(
      `${event.id} to be published`,
      async () => {
        try {
          await this.broker.publish(event);
        } catch (error) {
          this.failed++;
          throw error;
        }
        return true;
      },
      AMPLE_MS,
    );
    this.published.push(event);
  }

  #counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { subject } of this.published) counts.set(subject, (counts.get(subject) ?? 0) + 1);
    return counts;
  }
}
