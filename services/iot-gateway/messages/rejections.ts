import { z } from 'zod';

/** Why a device's message was rejected. */
export type RejectionReason =
  | 'unknown_device'
  | 'retired_device'
  | 'oversized'
  | 'too_many'
  | 'not_utf8'
  | 'wrong_signature'
  | 'unreadable'
  | 'out_of_range'
  | 'from_the_future'
  | 'too_old'
  | 'earlier_start'
  | 'out_of_order'
  | 'replayed'
  | 'unknown_command'
  | 'command_settled';

/** How many rejected messages of a device are recorded. */
export const MAX_REJECTIONS = 100;
/** Limits the writes that a misbehaving device can cause. */
const MAX_PER_MINUTE = 30;

/** The last rejected messages of a device, oldest first. The field's name is that of the stored data. */
export const RejectedMessages = z.object({
  refusals: z
    .array(z.object({ reason: z.string(), kind: z.string(), at: z.iso.datetime() }))
    .max(MAX_REJECTIONS),
});

/** Counts how many rejected messages of each device were recorded in the current minute. */
export class RejectionLimiter {
  #minute = 0;
  readonly #recorded = new Map<string, number>();

  /** Returns true, and counts it, if one more may be recorded. */
  take(device: string, now: number): boolean {
    const minute = Math.floor(now / 60_000);
    if (minute !== this.#minute) this.#recorded.clear();
    this.#minute = minute;
    const recorded = this.#recorded.get(device) ?? 0;
    if (recorded >= MAX_PER_MINUTE) return false;
    this.#recorded.set(device, recorded + 1);
    return true;
  }
}
