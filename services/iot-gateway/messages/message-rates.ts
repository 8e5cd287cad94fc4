import { LRUCache } from 'lru-cache';

/** Devices whose rate is known. The one without a message for longest is forgotten: it has its full burst. */
const MAX_DEVICES = 50_000;
/** After a pause a device may send as many messages without delay as in this many seconds. */
const BURST_SECONDS = 60;

interface Allowance {
  /** Messages that it may still send without delay. */
  left: number;
  /** When that was, in milliseconds since the epoch. */
  at: number;
}

/**
 * Limits the rate of each device, so that the messages of one do not delay those of the others: a rejected
 * message costs no event, no document and no call.
 */
export class MessageRates {
  readonly #allowances = new LRUCache<string, Allowance>({ max: MAX_DEVICES });

  /** Returns true, and counts it, if the device may send one more message now. */
  take(device: string, perSecond: number, now: number): boolean {
    const burst = perSecond * BURST_SECONDS;
    const known = this.#allowances.get(device) ?? { left: burst, at: now };
    const earned = (Math.max(0, now - known.at) / 1_000) * perSecond;
    const left = Math.min(burst, known.left + earned);
    this.#allowances.set(device, { left: left < 1 ? left : left - 1, at: now });
    return left >= 1;
  }
}
