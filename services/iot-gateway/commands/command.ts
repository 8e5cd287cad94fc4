import { z } from 'zod';
import { refused } from '#kit/core/errors';
import { Id } from '#kit/core/validation';
import type { DeviceCommandMessage } from '#contracts/device-messages';
import { Reason } from '#contracts/fields';

/** A command to a device. */
export const Command = z.object({
  commandId: Id,
  deviceId: Id,
  shopId: z.string(),
  name: z.string(),
  arguments: z.record(z.string(), z.unknown()),
  status: z.enum(['sent', 'acknowledged', 'failed', 'expired']),
  reason: Reason.optional(),
  /** The result that the device reported after the command had expired. */
  late: z
    .object({ outcome: z.enum(['acknowledged', 'failed']), reason: Reason.optional() })
    .optional(),
  /** The number of attempts to send it. */
  attempts: z.int().positive(),
  expiresAt: z.iso.datetime(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type Command = z.infer<typeof Command>;

export type CommandOutcome = Exclude<Command['status'], 'sent'>;

/** After `expiresAt` an acknowledgement may still be on its way this long. */
const ACK_GRACE_MS = 5_000;
const FIRST_RETRY_MS = 2_000;
const MAX_RETRY_MS = 30_000;
const MIN_VALIDITY_MS = 1_000;
const MAX_VALIDITY_MS = 24 * 60 * 60_000;

/** Refuses an expiry that is too soon to execute the command, or too late. */
export function requireValidExpiry(expiresAt: string, now: number): void {
  const left = Date.parse(expiresAt) - now;
  if (left >= MIN_VALIDITY_MS && left <= MAX_VALIDITY_MS) return;
  throw refused('bad_expiry', 'expiresAt must be 1 s to 24 h from now');
}

/** When the next attempt is due: pauses double, and the last attempt is due when the command expires. */
export function nextAttemptAt({ attempts, expiresAt }: Command, now: number): string {
  const pause = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), MAX_RETRY_MS);
  return new Date(Math.min(now + pause, Date.parse(expiresAt) + ACK_GRACE_MS)).toISOString();
}

export function isExpired({ expiresAt }: Command, now: number): boolean {
  return now >= Date.parse(expiresAt) + ACK_GRACE_MS;
}

/** Counts an attempt; unchanged if the command is settled or the attempt is counted already. */
export function withAttempt(command: Command, attempt: number, at: string): Command {
  if (command.status !== 'sent' || command.attempts >= attempt) return command;
  return { ...command, attempts: attempt, updatedAt: at };
}

/** Settles the command; unchanged if it has an outcome already. */
export function withOutcome(
  command: Command,
  status: CommandOutcome,
  reason: string | undefined,
  updatedAt: string,
): Command {
  if (command.status !== 'sent') return command;
  return { ...command, status, ...(reason === undefined ? {} : { reason }), updatedAt };
}

/** Adds a device's late result to an expired command; unchanged if it has one already. */
export function withLateResult(
  command: Command,
  late: NonNullable<Command['late']>,
  updatedAt: string,
): Command {
  if (command.status !== 'expired' || command.late !== undefined) return command;
  return { ...command, late, updatedAt };
}

/** The message to the device. It is the same for every attempt, so that the device executes it once. */
export function toDeviceMessage(command: Command): DeviceCommandMessage {
  const { commandId, name, arguments: commandArguments, expiresAt, createdAt } = command;
  return { v: 1, commandId, name, arguments: commandArguments, expiresAt, at: createdAt };
}
