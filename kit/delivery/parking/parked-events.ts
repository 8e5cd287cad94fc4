import type { Clock } from '../../core/clock';
import type { Log } from '../../core/log';
import type { Metrics } from '../../core/metrics';
import { failureOf } from '../dead-letters';
import type { Retried } from '../event-dispatcher';
import type { ParkedEvent } from './parked-event';
import { CLAIM_MS, type ParkingLot } from './parking-lot';

/**
 * The pauses between two attempts while a dependency is unavailable: the first, doubled each time up to the
 * longest. An attempt that began just before the dependency returned may take 18 s to fail, and the next
 * one may meet an open circuit breaker: with two such pauses, its events go on within 30 s.
 */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 5_000;

/**
 * The most parked events that a process handles concurrently: a quarter of the events that a sidecar passes
 * to it concurrently, so that new events are not held up.
 */
export const RESUME_CONCURRENCY = 8;

/** The most events of one subject that are handled in a row. */
const RUN_LENGTH = 20;

/** How often a claim is renewed. */
const RENEW_MS = 2_000;

/** How often a process looks for events that another process has parked, if it parks none itself. */
const LOOK_MS = 15_000;

interface Deps {
  readonly lot: ParkingLot;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The longest execution of an event. */
  readonly executionMs: number;
  readonly retry: (
    parked: ParkedEvent,
    countWaiting: (dependency: string) => number,
  ) => Promise<Retried>;
}

/** How fast the events of a dependency are tried. */
interface Pace {
  /** The most that are handled concurrently: 1 until one succeeds. */
  window: number;
  running: number;
  pause: number;
  nextAt: number;
  /** The shard of the subject that was tried last. */
  shard: number;
}

/** The events that wait for one dependency. */
export interface Waiting {
  readonly dependency: string;
  readonly events: number;
  /** Epoch milliseconds. */
  readonly since: number;
  /** The last failure of one of them, if it is known. */
  readonly failure?: { readonly reason: string; readonly message: string } | undefined;
}

/**
 * Handles the parked events of a service again: those of one subject in order, and first the one that has
 * waited longest for a dependency. While the dependency is unavailable, one event at a time is tried, with
 * growing pauses. Once it succeeds, more and more are handled concurrently.
 */
export class ParkedEvents {
  readonly #paces = new Map<string, Pace>();
  readonly #busy = new Set<string>();
  readonly #runs = new Set<Promise<unknown>>();
  /** Since when this process has known that events wait for a dependency. */
  readonly #waiting = new Map<string, number>();
  #lookedAt = -Infinity;
  #wake: () => void = () => undefined;
  #isWoken = false;

  constructor(private readonly deps: Deps) {
    deps.lot.onActive = () => {
      this.#wakeUp();
    };
  }

  /**
   * Handles parked events until the signal is aborted. `lookMs` is how often it looks for events that other
   * processes have parked.
   */
  async run(stop: AbortSignal, lookMs = LOOK_MS): Promise<void> {
    const { log } = this.deps;
    while (!stop.aborted) {
      let pause = RENEW_MS;
      try {
        pause = await this.#step(stop, lookMs);
      } catch (error) {
        log.debug({ failure: failureOf(error, 1) }, 'parked events could not be read');
      }
      await this.#sleep(pause, stop);
    }
    await Promise.all(this.#runs);
    await this.#release();
  }

  /** Makes one attempt of each subject that waits, whatever the pauses. For tests. */
  async tryAll(): Promise<void> {
    const { lot, clock } = this.deps;
    await lot.refresh();
    for (const shard of lot.activeShards) {
      while (!(await lot.claim(shard))) await clock.sleep(CLAIM_MS / 10);
      await lot.update(shard);
      for (const [dependency, { front }] of Object.entries(lot.lotsOf(shard))) {
        for (const [subject, since] of [...front]) {
          await this.#handleSubject(shard, dependency, subject, since, () => false);
        }
      }
      await lot.release(shard);
    }
  }

  /** The events that wait, by dependency, as the store has them. */
  async waiting(): Promise<Waiting[]> {
    const { lot } = this.deps;
    await lot.refresh();
    for (const shard of lot.activeShards) if (lot.needsUpdate(shard)) await lot.update(shard);
    return Promise.all(
      this.#known().map(async (waiting) => ({
        ...waiting,
        failure: await this.#failureOf(waiting.dependency),
      })),
    );
  }

  /** The failure of the first event of the first subject that waits for a dependency. */
  async #failureOf(dependency: string): Promise<Waiting['failure']> {
    const { lot } = this.deps;
    const fronts = lot.activeShards.flatMap((shard) => lot.lotsOf(shard)[dependency]?.front ?? []);
    const subject = fronts[0]?.[0];
    if (subject === undefined) return undefined;
    const { queue } = await lot.loadQueue(subject);
    const [id] = await lot.nextIds(queue, subject);
    return id === undefined ? undefined : (await lot.loadEvent(id))?.parked.failure;
  }

  #known(): Waiting[] {
    const { lot } = this.deps;
    const known = new Map<string, { events: number; since: number }>();
    for (const shard of lot.activeShards) {
      for (const [dependency, { since, events }] of Object.entries(lot.lotsOf(shard))) {
        if (since === 0) continue;
        const other = known.get(dependency) ?? { events: 0, since: Infinity };
        known.set(dependency, {
          events: other.events + events,
          since: Math.min(other.since, since),
        });
      }
    }
    return [...known].map(([dependency, found]) => ({ dependency, ...found }));
  }

  /** Claims shards, and begins to handle what is due. Returns the milliseconds until it is due again. */
  async #step(stop: AbortSignal, lookMs: number): Promise<number> {
    const { lot, clock } = this.deps;
    if (clock.now() - this.#lookedAt >= lookMs) {
      await lot.refresh();
      this.#lookedAt = clock.now();
    }
    this.#report();
    const shards = lot.activeShards;
    if (shards.length === 0) return lookMs;
    const isClaimed = await Promise.all(shards.map((shard) => this.#claim(shard)));
    const claimed = shards.filter((_, index) => isClaimed[index]);
    const dependencies = new Set(claimed.flatMap((shard) => Object.keys(lot.lotsOf(shard))));
    for (const dependency of dependencies) this.#resume(dependency, claimed, stop);
    const due = [...this.#paces.values()].map(({ nextAt }) => nextAt - clock.now());
    return Math.max(10, Math.min(RENEW_MS, ...due.filter((milliseconds) => milliseconds > 0)));
  }

  /** Claims a shard or renews the claim. Returns whether its events may be handled. */
  async #claim(shard: number): Promise<boolean> {
    const { lot, executionMs } = this.deps;
    if (!lot.isClaimedFor(shard, CLAIM_MS - RENEW_MS)) await lot.claim(shard);
    if (lot.needsUpdate(shard)) await lot.update(shard);
    return lot.isClaimedFor(shard, executionMs);
  }

  /** Begins to handle the events of a dependency that are due, from each shard in turn. */
  #resume(dependency: string, shards: readonly number[], stop: AbortSignal): void {
    const { lot, clock } = this.deps;
    const candidates = shards
      .map((shard) => ({
        shard,
        subjects: (lot.lotsOf(shard)[dependency]?.front ?? []).filter(
          ([subject]) => !this.#busy.has(subject),
        ),
      }))
      .filter(({ subjects }) => subjects.length > 0);
    if (candidates.length === 0) return;
    const pace = this.#paceOf(dependency);
    for (let turn = 0; candidates.some(({ subjects }) => subjects.length > turn); turn++) {
      const first = Math.max(
        0,
        candidates.findIndex(({ shard }) => shard > pace.shard),
      );
      const inTurn = [...candidates.slice(first), ...candidates.slice(0, first)];
      for (const { shard, subjects } of inTurn) {
        const waiting = subjects[turn];
        if (waiting === undefined) continue;
        const isDue = clock.now() >= pace.nextAt && pace.running < pace.window;
        // each dependency is tried, also while others use all that is allowed
        const hasRoom = this.#runs.size < RESUME_CONCURRENCY || pace.running === 0;
        if (!isDue || !hasRoom || stop.aborted) return;
        const [subject, since] = waiting;
        // a subject may be in a queue twice
        if (this.#busy.has(subject)) continue;
        pace.shard = shard;
        this.#start(shard, dependency, pace, subject, since, stop);
      }
    }
  }

  #start(
    shard: number,
    dependency: string,
    pace: Pace,
    subject: string,
    since: number,
    stop: AbortSignal,
  ): void {
    const { log, clock } = this.deps;
    this.#busy.add(subject);
    pace.running++;
    const run = this.#handleSubject(shard, dependency, subject, since, () => stop.aborted)
      .catch((error: unknown) => {
        log.debug({ failure: failureOf(error, 1) }, 'parked events could not be handled');
        return false;
      })
      .then((isPassing) => {
        pace.running--;
        if (isPassing) {
          pace.window = Math.min(RESUME_CONCURRENCY, pace.window * 2);
          pace.pause = FIRST_PAUSE_MS;
        } else if (clock.now() >= pace.nextAt) {
          pace.window = 1;
          pace.nextAt = clock.now() + pace.pause;
          pace.pause = Math.min(LONGEST_PAUSE_MS, pace.pause * 2);
        }
        this.#busy.delete(subject);
        this.#runs.delete(run);
        this.#wakeUp();
      });
    this.#runs.add(run);
  }

  /** Handles events of a subject in order. Returns false if its dependency was unavailable for the first. */
  async #handleSubject(
    shard: number,
    dependency: string,
    subject: string,
    since: number,
    isStopped: () => boolean,
  ): Promise<boolean> {
    const { lot, executionMs, retry } = this.deps;
    const doneIds: string[] = [];
    let waitsFor: string | undefined;
    const { queue } = await lot.loadQueue(subject);
    for (const id of (await lot.nextIds(queue, subject)).slice(0, RUN_LENGTH)) {
      if (isStopped() || !lot.isClaimedFor(shard, executionMs)) break;
      const stored = await lot.loadEvent(id);
      if (stored !== undefined) {
        const retried = await retry(stored.parked, (name) => this.#countSubjects(name));
        if (!retried.over) {
          waitsFor = retried.dependency;
          await lot.saveEvent(id, retried.parked, stored.etag);
          break;
        }
        await lot.deleteEvent(id);
      }
      doneIds.push(id);
    }
    const isUntried = doneIds.length === 0 && waitsFor === undefined;
    if (isUntried && queue.size > 0) return true;
    await lot.finish(shard, { subject, since, from: dependency, doneIds, waitsFor });
    return doneIds.length > 0 || waitsFor !== dependency;
  }

  #paceOf(dependency: string): Pace {
    const existing = this.#paces.get(dependency);
    if (existing !== undefined) return existing;
    const nextAt = this.deps.clock.now() + FIRST_PAUSE_MS;
    const pace = { window: 1, running: 0, pause: FIRST_PAUSE_MS, nextAt, shard: -1 };
    this.#paces.set(dependency, pace);
    return pace;
  }

  /** The number of subjects that wait for a dependency, in the documents that this process knows. */
  #countSubjects(dependency: string): number {
    const { lot } = this.deps;
    return lot.activeShards
      .map((shard) => lot.lotsOf(shard)[dependency])
      .reduce((sum, found) => sum + (found?.front.length ?? 0), 0);
  }

  /** Writes the metrics, and one line when events begin or end to wait for a dependency. */
  #report(): void {
    const { log, clock, metrics } = this.deps;
    const now = clock.now();
    const known = this.#known();
    metrics.eventsParked.reset();
    metrics.eventsParkedAge.reset();
    for (const { dependency, events, since } of known) {
      metrics.eventsParked.set({ dependency }, events);
      metrics.eventsParkedAge.set({ dependency }, Math.max(0, now - since) / 1000);
      if (this.#waiting.has(dependency)) continue;
      this.#waiting.set(dependency, now);
      log.warn({ dependency }, 'events wait for a dependency');
    }
    for (const [dependency, since] of this.#waiting) {
      if (known.some((waiting) => waiting.dependency === dependency)) continue;
      this.#waiting.delete(dependency);
      this.#paces.delete(dependency);
      log.info({ dependency, duration: now - since }, 'no event waits for the dependency any more');
    }
  }

  async #release(): Promise<void> {
    const { lot, log } = this.deps;
    try {
      await Promise.all(lot.activeShards.map((shard) => lot.release(shard)));
    } catch (error) {
      log.debug({ failure: failureOf(error, 1) }, 'the claim of parked events was not given up');
    }
  }

  #wakeUp(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Ends early when something may be due, or the signal is aborted. */
  async #sleep(milliseconds: number, stop: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = () => {
      woken.abort();
    };
    this.#wake = wake;
    stop.addEventListener('abort', wake);
    if (this.#isWoken || stop.aborted) wake();
    const { promise, resolve } = Promise.withResolvers<unknown>();
    woken.signal.addEventListener('abort', resolve);
    if (woken.signal.aborted) resolve(undefined);
    const slept = Number.isFinite(milliseconds)
      ? this.deps.clock.sleep(milliseconds, woken.signal).catch(() => undefined)
      : promise;
    await Promise.race([slept, promise]);
    stop.removeEventListener('abort', wake);
    woken.abort();
    this.#isWoken = false;
  }
}
