import type { ClockOffset } from './device-starts';

/** A clock that is set back by less than this is as good as one that is not: messages overtake each other. */
const SET_BACK_MS = 2_000;
/** An estimate is stored when it differs by this much from the stored one, */
const STORED_CHANGE_MS = 1_000;
/** and the last one was stored this long ago: in a backlog each message improves the estimate. */
const STORE_PAUSE_MS = 10_000;

/** The newest message of a kind, as far as this process knows. */
interface LastMessage {
  readonly seq: number;
  /** By the device's clock. */
  readonly at: number;
}

/**
 * The clock of a device since one of its starts. A message takes time and cannot come from the future, so
 * the one with the smallest delay shows best by how much the clock is behind. A message with a higher
 * number and an earlier time shows that the clock was set back: then the estimate begins again.
 */
export class DeviceClock {
  readonly #last = new Map<string, LastMessage>();
  #behind: ClockOffset;
  #stored: ClockOffset;
  #storedAt = -Infinity;

  constructor(stored: ClockOffset) {
    this.#behind = stored;
    this.#stored = stored;
  }

  get behind(): ClockOffset {
    return this.#behind;
  }

  /** The estimate if it is to be stored now. */
  toStore(now: number): ClockOffset | undefined {
    const change = Math.abs(this.#behind.now - this.#stored.now);
    const isDue = now - this.#storedAt >= STORE_PAUSE_MS;
    return change > STORED_CHANGE_MS && isDue ? this.#behind : undefined;
  }

  wasStored(behind: ClockOffset, now: number): void {
    this.#stored = behind;
    this.#storedAt = now;
  }

  /** Learns from a message that arrives now. Returns its time by the platform's clock. */
  receive({ kind, seq, at }: { kind: string; seq: number; at: number }, now: number): number {
    const last = this.#last.get(kind);
    const isNewest = last === undefined || seq > last.seq;
    if (isNewest) this.#last.set(kind, { seq, at });
    const delay = now - at;
    const wasSetBack = isNewest && last !== undefined && at < last.at - SET_BACK_MS;
    if (wasSetBack || delay < this.#behind.now) this.#estimate(delay);
    return Math.min(at + this.#behind.now, now);
  }

  #estimate(delay: number): void {
    const { least, most } = this.#behind;
    this.#behind = { now: delay, least: Math.min(least, delay), most: Math.max(most, delay) };
  }
}
