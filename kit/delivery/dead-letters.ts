import { z } from 'zod';
import { type Clock, isoTime } from '../core/clock';
import type { DocumentStore } from '../state/document-store';
import { Code, MicroserviceError, notFound } from '../core/errors';
import { Execution } from '../core/execution';
import { deterministicId } from '../core/deterministic-id';
import { newCallContext } from '../core/call-context';
import { asService } from '../core/caller';
import { type List, openList } from '../state/paged-list';
import type { Metrics } from '../core/metrics';

/** An event that this service could not handle, stored until an operator replays or discards it. */
export const DeadLetter = z.object({
  id: z.string(),
  type: z.string(),
  source: z.string(),
  subject: z.string(),
  correlationId: z.string(),
  /** A code for programs: `unreadable`, `internal`, or the reason of the error. */
  reason: z.string(),
  message: z.string(),
  attempts: z.number().int(),
  replayCount: z.number().int(),
  firstFailedAt: z.string(),
  lastFailedAt: z.string(),
  /** The whole event as it arrived. */
  event: z.record(z.string(), z.unknown()),
  /** Of a rejected event: the topic on which it arrived. */
  topic: z.string().optional(),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

export interface Failure {
  reason: string;
  message: string;
  attempts: number;
}

/** The failure of an error. The message of an unexpected error is for operators only. */
export function failureOf(error: unknown, attempts: number): Failure {
  if (error instanceof MicroserviceError) {
    const reason = error.details.reason ?? Code[error.code].toLowerCase();
    return { reason, message: error.message, attempts };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { reason: 'internal', message, attempts };
}

/** The owner of the one list of dead letters. */
const ALL = 'all';

/**
 * A rejected event is kept only if there are fewer dead letters than this: a process with access to the
 * broker could fill the store otherwise. In parallel deliveries, a few more are kept.
 */
export const MAX_WITH_REJECTED = 1_000;
/** The longest rejected event that is kept, in characters of its JSON. */
const MAX_REJECTED_LENGTH = 65_536;

/** The dead letters of one service, over all tenants. */
export class DeadLetters {
  constructor(
    private readonly documents: DocumentStore,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {}

  /** Stores an event with the failure. For an event that is stored already, updates the failure. */
  async store(event: Record<string, unknown>, failure: Failure): Promise<DeadLetter> {
    return this.#store(text(event['id']), event, failure);
  }

  /**
   * Stores an event that was not admitted, if there is room: see MAX_WITH_REJECTED. Returns whether it is
   * stored. Its id is derived from its content: the id that it names may be that of a genuine event.
   */
  async storeRejected(
    event: Record<string, unknown>,
    topic: string,
    failure: Failure,
  ): Promise<boolean> {
    const json = JSON.stringify(event);
    if (json.length > MAX_REJECTED_LENGTH || (await this.#count()) >= MAX_WITH_REJECTED) {
      return false;
    }
    await this.#store(deterministicId('rejected', topic, json), event, failure, topic);
    return true;
  }

  async #store(
    id: string,
    event: Record<string, unknown>,
    failure: Failure,
    topic?: string,
  ): Promise<DeadLetter> {
    const { letters, list } = this.#open(`store ${id} ${String(this.clock.now())}`);
    const now = isoTime(this.clock);
    const letter = await letters.update(id, (existing) => ({
      id,
      type: text(event['type']),
      source: text(event['source']),
      subject: text(event['subject']),
      correlationId: text(event['correlationid']),
      ...failure,
      replayCount: existing?.replayCount ?? 0,
      firstFailedAt: existing?.firstFailedAt ?? now,
      lastFailedAt: now,
      event,
      ...(topic === undefined ? {} : { topic }),
    }));
    await list.add(ALL, id);
    await this.updateGauge();
    return letter;
  }

  /** Throws NOT_FOUND. */
  async get(id: string): Promise<DeadLetter> {
    const { letters } = this.#open(`read ${id}`);
    const letter = await letters.get(id);
    if (letter === undefined) throw notFound('dead letter');
    return letter;
  }

  /** A page of dead letters, newest first; `page` counts from 1. */
  async page(page: number, limit: number): Promise<{ letters: DeadLetter[]; total: number }> {
    const { letters, list } = this.#open('list');
    const { items: ids, total } = await list.page(ALL, page, limit);
    const found = await Promise.all(ids.map((id) => letters.get(id)));
    return { letters: found.filter((letter) => letter !== undefined), total };
  }

  /** At most `limit` dead letters, oldest first, without the `skip` oldest ones. */
  async oldest(skip: number, limit: number): Promise<DeadLetter[]> {
    const { letters, list } = this.#open('list');
    const ids = await list.oldest(ALL, skip, limit);
    const found = await Promise.all(ids.map((id) => letters.get(id)));
    return found.filter((letter) => letter !== undefined);
  }

  /** Records that a replay failed. */
  async recordFailedReplay(id: string, failure: Failure): Promise<DeadLetter> {
    const { letters } = this.#open(`replay ${id} ${String(this.clock.now())}`);
    return letters.update(id, (existing) => {
      if (existing === undefined) throw notFound('dead letter');
      return {
        ...existing,
        ...failure,
        attempts: existing.attempts + failure.attempts,
        replayCount: existing.replayCount + 1,
        lastFailedAt: isoTime(this.clock),
      };
    });
  }

  /** Deletes a dead letter. Throws NOT_FOUND. `from` is where the list is searched for it first. */
  async discard(id: string, from: 'newest' | 'oldest' = 'newest'): Promise<void> {
    await this.get(id);
    const { letters, list } = this.#open(`discard ${id}`);
    await list.remove(ALL, id, from);
    await letters.delete(id);
    await this.updateGauge();
  }

  /** Sets the gauge to the number of dead letters. */
  async updateGauge(): Promise<void> {
    this.metrics.deadLetters.set(await this.#count());
  }

  async #count(): Promise<number> {
    const { total } = await this.#open('count').list.page(ALL, 1, 1);
    return total;
  }

  #open(purpose: string) {
    // dead letters belong to the operator, so they are stored under no tenant
    const callContext = newCallContext(this.clock, {
      id: deterministicId('dead-letter', purpose),
      caller: asService(''),
    });
    const execution = new Execution(callContext, this.clock);
    const list: List = openList(this.documents, 'dead-letters', execution);
    return { letters: this.documents.open('dead-letter', DeadLetter, execution), list };
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
