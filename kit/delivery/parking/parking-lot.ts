import { z } from 'zod';
import type { Clock } from '../../core/clock';
import { deterministicId } from '../../core/deterministic-id';
import { Code, MicroserviceError } from '../../core/errors';
import { QueuePages, emptyQueue, isEmptyQueue, pagedQueue } from '../../state/paged-queue';
import { SharedValue } from '../../state/shared-value';
import { NO_EXPIRY, SIDECAR_TIMEOUT_MS, type Sidecar } from '../../transport/sidecar';
import { ParkedEvent } from './parked-event';

/**
 * The parts of a parking lot. All events of a subject are in the same part, and one process at a time
 * handles the events of a part.
 */
export const SHARDS = 4;

/**
 * How long a process may believe that nothing is parked in a shard without reading it again. So while
 * nothing is parked, the order of events costs one request in this time, and not one per event.
 */
export const VIEW_MS = 2_000;

/** A process that has not renewed its claim of a shard for this time has lost it. */
export const CLAIM_MS = 22_000;

/** The empty queue of a subject is kept this long. It only needs to outlive a write that is in flight. */
const EMPTY_QUEUE_SECONDS = 3_600;

/** Attempts to write the queue of a subject. */
const MAX_WRITE_ATTEMPTS = 20;

/** A subject whose events wait: its key, and since when in epoch milliseconds. */
export const WaitingSubject = z.tuple([z.string(), z.number()]);
export type WaitingSubject = z.infer<typeof WaitingSubject>;

/** The subjects that wait for one dependency. */
const Lot = pagedQueue(WaitingSubject).extend({
  /** In epoch milliseconds, since when events have been waiting without a break; 0 if none waits. */
  since: z.number(),
  /** Of all its subjects. May be too low after a crash, until none waits. */
  events: z.int(),
});
export type Lot = z.infer<typeof Lot>;

/** The root document of a shard. It is stored, so the field names must not change. */
const Shard = z.object({
  /** The process that handles its events. `beat` changes each time that the process renews its claim. */
  claim: z.object({ by: z.string(), beat: z.int() }).optional(),
  /** By dependency. */
  lots: z.record(z.string(), Lot),
});
export type Shard = z.infer<typeof Shard>;

/** The ids of the parked events of one subject, in order. It is stored, like the shard. */
const SubjectQueue = pagedQueue(z.string()).extend({
  /** How many events wait. */
  size: z.int(),
  /** Where the events are counted. */
  dependency: z.string(),
});
export type SubjectQueue = z.infer<typeof SubjectQueue>;

interface LotDeps {
  readonly sidecar: Sidecar;
  readonly clock: Clock;
  readonly random: () => number;
  /** Identifies this process, unlike any other that ever ran. */
  readonly holder: string;
}

/** A shard as this process knows it. */
interface ShardView {
  readonly shared: SharedValue<Shard>;
  value: Shard;
  /** Since when this process has known that something is parked in it; undefined if nothing is. */
  activeSince: number | undefined;
  /** The claim, and since when this process has seen it unchanged. */
  seen: { claim: string; at: number };
  /** Until when no other process can claim the shard. */
  claimedUntil: number;
  /** Events that were parked here and are not counted in the shard yet, by dependency. */
  readonly uncounted: Map<string, number>;
}

/** How the handling of a subject's events ended. */
export interface SubjectRun {
  readonly subject: string;
  readonly since: number;
  /** For which the subject was waiting. */
  readonly from: string;
  /** The events that no longer wait. */
  readonly doneIds: readonly string[];
  /** The dependency for which the next event waits, if that was tried. */
  readonly waitsFor?: string | undefined;
}

/**
 * The events of a service that wait for a dependency, in its own state store, in the order of each
 * subject:
 *
 * - An event is a document of its own.
 * - A subject has a queue of the ids of its events.
 * - A shard has, for each dependency, a queue of the subjects that wait for it.
 *
 * To park an event takes two writes, and a third for the first event of its subject, however many are
 * parked.
 *
 * It is crash-safe by the order of the writes. A subject is in its shard before its own queue has an
 * event. A process that finds a subject without events in its shard writes the subject's queue before it
 * removes the subject, so that the ETag of a process that is about to add the first event no longer
 * matches, and that one begins again. An event is acknowledged once all is written, and the bus delivers it
 * again if the process dies before. Each of these writes may happen twice: an event whose document is gone
 * was handled, and a subject without events is removed.
 */
export class ParkingLot {
  readonly #shards: readonly ShardView[];
  readonly #subjectPages: QueuePages<string>;
  readonly #lotPages: QueuePages<WaitingSubject>;
  /** When the last read of all shards began. */
  #readAt = -Infinity;
  #reading: Promise<unknown> | undefined;
  /** Called when something is known to be parked. */
  onActive: () => void = () => undefined;

  constructor(private readonly deps: LotDeps) {
    this.#subjectPages = new QueuePages(deps.sidecar, z.string());
    this.#lotPages = new QueuePages(deps.sidecar, WaitingSubject);
    this.#shards = Array.from({ length: SHARDS }, (_, shard) => this.#openShard(shard));
  }

  /** The shards in which events are known to wait. */
  get activeShards(): number[] {
    return this.#shards.flatMap(({ activeSince }, shard) =>
      activeSince === undefined ? [] : [shard],
    );
  }

  /** The lots of a shard, by dependency, as this process knows them. */
  lotsOf(shard: number): Readonly<Record<string, Lot>> {
    return this.#view(shard).value.lots;
  }

  /** Reads all shards; concurrent callers share one request. */
  async refresh(): Promise<void> {
    this.#reading ??= (async () => {
      const startedAt = this.deps.clock.now();
      try {
        const values = this.#shards.map(({ shared }) => shared);
        await SharedValue.readAll(this.deps.sidecar, values);
        this.#readAt = startedAt;
      } finally {
        this.#reading = undefined;
      }
    })();
    await this.#reading;
  }

  /** Whether events of the subject are parked. While nothing is, mostly without a read: see VIEW_MS. */
  async isWaiting(subject: string): Promise<boolean> {
    const view = this.#view(shardOf(subject));
    if (this.deps.clock.now() - this.#readAt >= VIEW_MS) await this.refresh();
    return view.activeSince !== undefined && (await this.loadQueue(subject)).queue.size > 0;
  }

  /**
   * Parks an event behind those of its subject. An event that is parked already stays as it is. See
   * `whenKnown`.
   */
  async park(id: string, subject: string, parked: ParkedEvent, dependency: string): Promise<void> {
    const { sidecar, clock } = this.deps;
    const view = this.#view(shardOf(subject));
    while (!(await sidecar.save(eventKey(id), parked, undefined, SIDECAR_TIMEOUT_MS))) {
      if ((await this.loadEvent(id)) !== undefined) break;
    }
    for (let attempt = 0; ; attempt++) {
      const { queue, etag } = await this.loadQueue(subject);
      if (queue.front.includes(id)) break;
      if (queue.size === 0) {
        queue.dependency = dependency;
        await this.#change(view, (shard) =>
          this.#addSubject(shard, dependency, [subject, clock.now()]),
        );
      }
      await this.#subjectPages.append(queue, queueKey(subject), [id]);
      queue.size++;
      if (await this.#saveQueue(subject, queue, etag)) {
        addTo(view.uncounted, queue.dependency, 1);
        break;
      }
      if (attempt >= MAX_WRITE_ATTEMPTS) throw tooManyConflicts(subject);
    }
  }

  /**
   * Resolves when every process knows that events of the shard wait, and so handles no later event of a
   * parked subject before those. Acknowledge a parked event only then.
   */
  async whenKnown(subject: string): Promise<void> {
    const { clock } = this.deps;
    const { activeSince = clock.now() } = this.#view(shardOf(subject));
    const missing = activeSince + VIEW_MS - clock.now();
    if (missing > 0) await clock.sleep(missing);
  }

  /** The queue of a subject, with the ETag to write it. */
  async loadQueue(subject: string): Promise<{ queue: SubjectQueue; etag: string | undefined }> {
    const loaded = await this.deps.sidecar.load(queueKey(subject), SIDECAR_TIMEOUT_MS);
    if (loaded !== undefined) {
      return { queue: SubjectQueue.parse(loaded.value), etag: loaded.etag };
    }
    return { queue: { ...emptyQueue<string>(), size: 0, dependency: '' }, etag: undefined };
  }

  /** A parked event, with the ETag to write it; undefined if it was handled. */
  async loadEvent(id: string): Promise<{ parked: ParkedEvent; etag: string } | undefined> {
    const loaded = await this.deps.sidecar.load(eventKey(id), SIDECAR_TIMEOUT_MS);
    return loaded && { parked: ParkedEvent.parse(loaded.value), etag: loaded.etag };
  }

  async saveEvent(id: string, parked: ParkedEvent, etag: string): Promise<void> {
    // nothing but the claimed process writes it, so a conflict means that the claim was lost
    await this.deps.sidecar.save(eventKey(id), parked, etag, SIDECAR_TIMEOUT_MS);
  }

  async deleteEvent(id: string): Promise<void> {
    await this.deps.sidecar.delete(eventKey(id), SIDECAR_TIMEOUT_MS);
  }

  /** The next event ids of a subject. */
  async nextIds(queue: SubjectQueue, subject: string): Promise<readonly string[]> {
    if (queue.front.length > 0) return queue.front;
    const ahead = { ...queue };
    await this.#subjectPages.refill(ahead, queueKey(subject));
    return ahead.front;
  }

  /**
   * Claims a shard for this process, or renews its claim. Returns false if another process has claimed
   * it. Clocks of different machines are not compared: a claim is lost when another process has seen it
   * unchanged for CLAIM_MS.
   */
  async claim(shard: number): Promise<boolean> {
    const { clock, holder } = this.deps;
    const view = this.#view(shard);
    const isFree = ({ claim }: Shard) =>
      claim === undefined ||
      claim.by === holder ||
      (view.seen.claim === claimKey({ claim }) && clock.now() - view.seen.at >= CLAIM_MS);
    if (!isFree(view.value)) await this.refresh();
    if (!isFree(view.value)) return false;
    const started = clock.now();
    const claimed = { isOurs: false };
    await this.#change(view, (value) => {
      claimed.isOurs = isFree(value);
      if (claimed.isOurs) value.claim = { by: holder, beat: (value.claim?.beat ?? 0) + 1 };
    });
    view.claimedUntil = claimed.isOurs ? started + CLAIM_MS : 0;
    return claimed.isOurs;
  }

  /** Whether the shard stays claimed by this process for that time. */
  isClaimedFor(shard: number, milliseconds: number): boolean {
    return this.deps.clock.now() + milliseconds <= this.#view(shard).claimedUntil;
  }

  /** Gives up the claim of a shard, so that another process need not wait for it to be lost. */
  async release(shard: number): Promise<void> {
    const view = this.#view(shard);
    if (view.claimedUntil === 0) return;
    view.claimedUntil = 0;
    await this.#change(view, (value) => {
      if (value.claim?.by === this.deps.holder) delete value.claim;
    });
  }

  /**
   * Removes handled events from the queue of their subject, and moves the subject to the end of the
   * dependency for which its next event waits, or removes it if none is left.
   */
  async finish(shard: number, run: SubjectRun): Promise<void> {
    const { subject, since, from, doneIds } = run;
    const view = this.#view(shard);
    const done = new Set(doneIds);
    let unneeded: string[] = [];
    let counted = { in: '', events: 0 };
    let queue: SubjectQueue;
    for (let attempt = 0; ; attempt++) {
      const loaded = await this.loadQueue(subject);
      queue = loaded.queue;
      counted = { in: queue.dependency, events: queue.size };
      unneeded = await this.#subjectPages.refill(queue, queueKey(subject));
      queue.front = queue.front.filter((id) => !done.has(id));
      unneeded.push(...(await this.#subjectPages.refill(queue, queueKey(subject))));
      queue.size = isEmptyQueue(queue) ? 0 : Math.max(1, queue.size - done.size);
      queue.dependency = run.waitsFor ?? from;
      // also if it is empty already: see the class
      if (await this.#saveQueue(subject, queue, loaded.etag)) break;
      if (attempt >= MAX_WRITE_ATTEMPTS) throw tooManyConflicts(subject);
    }
    await Promise.all(unneeded.map((key) => this.deps.sidecar.delete(key, SIDECAR_TIMEOUT_MS)));
    const { size, dependency } = queue;
    await this.#change(view, async (value) => {
      const lot = value.lots[from];
      const index = lot?.front.findIndex(([waiting]) => waiting === subject) ?? -1;
      if (lot !== undefined && index >= 0) lot.front.splice(index, 1);
      if (size > 0) {
        await this.#addSubject(value, dependency, [
          subject,
          dependency === from ? since : this.deps.clock.now(),
        ]);
      }
    });
    addTo(view.uncounted, counted.in, -counted.events);
    addTo(view.uncounted, dependency, size);
  }

  /** Moves the next page of waiting subjects to the front of each lot, and counts the parked events. */
  async update(shard: number): Promise<void> {
    const unneeded: string[] = [];
    await this.#change(this.#view(shard), async (value) => {
      unneeded.length = 0;
      for (const [dependency, lot] of Object.entries(value.lots)) {
        unneeded.push(...(await this.#lotPages.refill(lot, lotKey(shard, dependency))));
      }
    });
    await Promise.all(unneeded.map((key) => this.deps.sidecar.delete(key, SIDECAR_TIMEOUT_MS)));
  }

  /** Whether `update` has something to do. */
  needsUpdate(shard: number): boolean {
    const { value, uncounted } = this.#view(shard);
    const isBehind = Object.values(value.lots).some(
      ({ front, first, next }) => front.length === 0 && first < next,
    );
    return isBehind || [...uncounted.values()].some((count) => count !== 0);
  }

  /** Adds a subject to the end of a dependency's queue. */
  async #addSubject(value: Shard, dependency: string, waiting: WaitingSubject): Promise<void> {
    const lot = (value.lots[dependency] ??= {
      ...emptyQueue<WaitingSubject>(),
      since: 0,
      events: 0,
    });
    if (isEmptyQueue(lot)) lot.since = waiting[1];
    await this.#lotPages.append(lot, lotKey(shardOf(waiting[0]), dependency), [waiting]);
  }

  /** Changes a shard. The events that were parked here since the last change are counted with it. */
  async #change(view: ShardView, change: (value: Shard) => Promise<void> | void): Promise<void> {
    const counts = new Map(view.uncounted);
    view.uncounted.clear();
    try {
      const before = { wasActive: true };
      await view.shared.change(async (value) => {
        before.wasActive = isActive(value);
        await change(value);
        for (const [dependency, lot] of Object.entries(value.lots)) {
          lot.events = Math.max(0, lot.events + (counts.get(dependency) ?? 0));
          if (isEmptyQueue(lot)) Object.assign(lot, { since: 0, events: 0 });
        }
      });
      // another process may have read the shard meanwhile
      if (!before.wasActive && view.activeSince !== undefined)
        view.activeSince = this.deps.clock.now();
    } catch (error) {
      for (const [dependency, count] of counts) addTo(view.uncounted, dependency, count);
      throw error;
    }
  }

  async #saveQueue(
    subject: string,
    queue: SubjectQueue,
    etag: string | undefined,
  ): Promise<boolean> {
    const ttl = queue.size === 0 ? EMPTY_QUEUE_SECONDS : NO_EXPIRY;
    return this.deps.sidecar.save(queueKey(subject), queue, etag, SIDECAR_TIMEOUT_MS, ttl);
  }

  #openShard(shard: number): ShardView {
    const { clock } = this.deps;
    const none = (): Shard => ({ lots: {} });
    const shared = new SharedValue(this.deps, `parked:${String(shard)}`, Shard, none);
    const view: ShardView = {
      shared,
      value: none(),
      activeSince: undefined,
      seen: { claim: '', at: 0 },
      claimedUntil: 0,
      uncounted: new Map(),
    };
    shared.onValue = (value) => {
      view.value = value;
      const wasActive = view.activeSince !== undefined;
      view.activeSince = isActive(value) ? (view.activeSince ?? clock.now()) : undefined;
      const claim = claimKey(value);
      if (claim !== view.seen.claim) view.seen = { claim, at: clock.now() };
      if (!wasActive && view.activeSince !== undefined) this.onActive();
    };
    return view;
  }

  #view(shard: number): ShardView {
    const view = this.#shards[shard];
    if (view === undefined) throw new Error(`there is no shard ${String(shard)}`);
    return view;
  }
}

/**
 * The key of an event's subject. An event without a subject has one of its own. Commands wait only for
 * commands of their type: what one waits for may be the end that another makes, such as a cancellation.
 */
export function subjectOf(
  event: { id: string; type: string; subject: string; tenantid: string },
  isCommand: boolean,
): string {
  const { id, type, subject, tenantid } = event;
  if (subject === '') return deterministicId('event', id);
  return deterministicId('subject', tenantid, subject, ...(isCommand ? [type] : []));
}

/** The shard of a subject's key. */
export function shardOf(subject: string): number {
  return (Buffer.from(subject, 'base64url')[0] ?? 0) % SHARDS;
}

function eventKey(id: string): string {
  return `parked-event:${id}`;
}

function queueKey(subject: string): string {
  return `parked-subject:${subject}`;
}

function lotKey(shard: number, dependency: string): string {
  return `parked-lot:${String(shard)}:${dependency}`;
}

function isActive({ lots }: Shard): boolean {
  return Object.values(lots).some((lot) => !isEmptyQueue(lot));
}

/** Identifies a claim and its last renewal. */
function claimKey({ claim }: Pick<Shard, 'claim'>): string {
  return claim === undefined ? '' : `${claim.by} ${String(claim.beat)}`;
}

function addTo(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}

function tooManyConflicts(subject: string): MicroserviceError {
  const message = `too many concurrent changes of the parked events of ${subject}`;
  return new MicroserviceError(message, Code.ABORTED);
}
