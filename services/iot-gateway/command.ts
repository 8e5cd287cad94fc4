import { z } from 'zod';
import { refused } from '#kit/core/errors';
import type { DeviceCommandMessage } from '#contracts/device-messages';
import { Reason } from '#contracts/fields';
import { Id } from '#kit/core/validation';

/** What a device is told to do. */
export const Command = z.object({
  commandId: Id,
  deviceId: Id,
  shopId: z.string(),
  name: z.string(),
  arguments: z.record(z.string(), z.unknown()),
  status: z.enum(['sent', 'acknowledged', 'failed', 'expired']),
  reason: Reason.optional(),
  /** What its device told after it had expired. */
  late: z
    .object({ outcome: z.enum(['acknowledged', 'failed']), reason: Reason.optional() })
    .optional(),
  /** How often it was sent. */
  attempts: z.int().positive(),
  expiresAt: z.iso.datetime(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type Command = z.infer<typeof Command>;

export type Outcome = Exclude<Command['status'], 'sent'>;

/** From when it expires on, an answer may still be on its way for so long. */
const ANSWER_MS = 5_000;
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 30_000;
const SOONEST_MS = 1_000;
const LATEST_MS = 24 * 60 * 60_000;

/** Refuses a command that could not be carried out, or would wait for too long. */
export function assertInTime(expiresAt: string, now: number): void {
  const left = Date.parse(expiresAt) - now;
  if (left >= SOONEST_MS && left <= LATEST_MS) return;
  throw refused('bad_expiry', 'expiresAt must be 1 s to 24 h from now');
}

/** When the attempt after this one is due: later each time, and at the latest to find it expired. */
export function nextDue({ attempts, expiresAt }: Command, now: number): string {
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS);
  return new Date(Math.min(now + pause, Date.parse(expiresAt) + ANSWER_MS)).toISOString();
}

export function isExpired({ expiresAt }: Command, now: number): boolean {
  return now >= Date.parse(expiresAt) + ANSWER_MS;
}

/** The command with this attempt; the same where it is settled or was sent that often. */
export function attempted(command: Command, attempt: number, at: string): Command {
  if (command.status !== 'sent' || command.attempts >= attempt) return command;
  return { ...command, attempts: attempt, updatedAt: at };
}

/** The command with its end; the first end stays. */
export function settled(
  command: Command,
  status: Outcome,
  reason: string | undefined,
  updatedAt: string,
): Command {
  if (command.status !== 'sent') return command;
  return { ...command, status, ...(reason === undefined ? {} : { reason }), updatedAt };
}

/** What a device tells of a command that has expired: the first that it tells stays. */
export function answeredLate(
  command: Command,
  late: NonNullable<Command['late']>,
  updatedAt: string,
): Command {
  if (command.status !== 'expired' || command.late !== undefined) return command;
  return { ...command, late, updatedAt };
}

/** How it is said to the device: the same each time, so that it is carried out once. */
export function messageOf(command: Command): DeviceCommandMessage {
  const { commandId, name, arguments: given, expiresAt, createdAt } = command;
  return { v: 1, commandId, name, arguments: given, expiresAt, at: createdAt };
}
