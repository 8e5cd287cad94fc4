import { toTimestamp } from '#kit/core/timestamps';
import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type { ListRefusalsRequest } from '#proto/retail/iot/v1/iot_gateway_pb';
import type { Topic } from '#contracts/device-messages';
import type { Context } from './definition';

/** Why a message of a device is not taken. */
export type RefusalReason =
  | 'unknown_device'
  | 'retired_device'
  | 'oversized'
  | 'wrong_signature'
  | 'unreadable'
  | 'from_the_future'
  | 'too_old'
  | 'out_of_order'
  | 'replayed'
  | 'unknown_command'
  | 'command_settled';

/** The last refusals of a device. */
const MOST_KEPT = 100;
/** So many of one device are kept in a minute: one that has gone mad must not keep us writing. */
const MOST_A_MINUTE = 30;

/** What of a device's was refused last, oldest first. */
export const Refusals = z.object({
  refusals: z
    .array(z.object({ reason: z.string(), kind: z.string(), at: z.iso.datetime() }))
    .max(MOST_KEPT),
});

/** How many refusals of each device were kept in this minute. */
export class RefusalBudget {
  #minute = 0;
  readonly #kept = new Map<string, number>();

  /** Whether one more may be kept. */
  take(device: string, now: number): boolean {
    const minute = Math.floor(now / 60_000);
    if (minute !== this.#minute) this.#kept.clear();
    this.#minute = minute;
    const kept = this.#kept.get(device) ?? 0;
    if (kept >= MOST_A_MINUTE) return false;
    this.#kept.set(device, kept + 1);
    return true;
  }
}

/** Keeps that a message was refused, and why; what it was is nowhere to be found. */
export async function keepRefusal(
  { deviceId, kind }: Topic,
  reason: RefusalReason,
  { refusals, refusalBudget, clock, caller, log }: Context,
): Promise<void> {
  log.warn({ deviceId, kind, reason }, 'message of a device refused');
  // whoever makes up names must not make documents
  if (reason === 'unknown_device') return;
  if (!refusalBudget.take(`${caller.tenantId}/${deviceId}`, clock.now())) return;
  const refusal = { reason, kind, at: isoTime(clock) };
  await refusals.update(deviceId, (now) => ({
    refusals: [...(now?.refusals ?? []), refusal].slice(-MOST_KEPT),
  }));
}

export async function listRefusals(request: ListRefusalsRequest, { refusals, caller }: Context) {
  requireRole(caller, 'admin', 'service');
  const { deviceId, page, limit } = validate(PageRequest.extend({ deviceId: Id }), request);
  const kept = (await refusals.get(deviceId))?.refusals ?? [];
  const items = kept
    .toReversed()
    .slice((page - 1) * limit, page * limit)
    .map(({ at, ...refusal }) => ({ ...refusal, at: toTimestamp(at) }));
  return { items, page, limit, total: kept.length };
}
