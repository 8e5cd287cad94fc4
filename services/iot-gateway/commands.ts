import { fromTimestamp, toTimestamp } from '#kit/core/timestamps';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { notFound, refused } from '#kit/core/errors';
import { idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { Id, validate } from '#kit/core/validation';
import { type MessageOf, signedMessage, topicText } from '#contracts/device-messages';
import { DeviceCommandSettled } from '#contracts/iot-gateway';
import type { GetCommandRequest, SendCommandRequest } from '#proto/retail/iot/v1/iot_gateway_pb';
import {
  type Command,
  answeredLate,
  assertInTime,
  attempted,
  isExpired,
  messageOf,
  nextDue,
  settled,
} from './command';
import { identified, manageable } from './devices';
import type { RefusalReason } from './refusals';
import type { Context } from './definition';
import { keyOf } from './watch';

/** A command is a message, and that is 64 KiB at most. */
const MOST_ARGUMENTS = 32_000;

const Wanted = z.object({
  commandId: z.union([z.literal(''), Id]),
  deviceId: Id,
  name: z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, 'must be a name such as dispense'),
  arguments: z
    .record(z.string(), z.unknown())
    .default({})
    .refine(
      (given) => JSON.stringify(given).length <= MOST_ARGUMENTS,
      `must be ${MOST_ARGUMENTS} letters of JSON at most`,
    ),
  expiresAt: z.iso.datetime(),
});
type Wanted = z.output<typeof Wanted>;

/** When a command is due to be sent again. */
export const Resend = z.object({
  tenantId: z.string(),
  commandId: z.string(),
  attempt: z.int().positive(),
});

/** Keeps a command and sends it; from then on a job sends it until the device answers or it expires. */
export async function sendCommand(request: SendCommandRequest, context: Context) {
  const { commands, clock, newId } = context;
  const { expiresAt } = request;
  const wanted = validate(Wanted, {
    ...request,
    expiresAt: expiresAt === undefined ? undefined : fromTimestamp(expiresAt),
  });
  const commandId = wanted.commandId === '' ? newId('command') : wanted.commandId;
  const before = await commands.get(commandId);
  if (before === undefined) assertInTime(wanted.expiresAt, clock.now());
  else assertSame(before, wanted);
  const { shopId, retired } = await manageable(wanted.deviceId, context);
  if (retired) throw refused('retired_device', 'the device is retired');
  const at = isoTime(clock);
  const command = await commands.update(
    commandId,
    (now) =>
      now ?? {
        ...{ ...wanted, commandId, shopId, status: 'sent', attempts: 1 },
        ...{ createdAt: at, updatedAt: at },
      },
  );
  assertSame(command, wanted);
  if (command.status === 'sent' && command.attempts === 1) await sendAndFollow(command, context);
  return toMessage(command);
}

export async function getCommand(request: GetCommandRequest, context: Context) {
  requireRole(context.caller, 'seller', 'admin', 'service');
  const { commandId } = validate(z.object({ commandId: Id }), request);
  const command = await context.commands.get(commandId);
  if (command === undefined) throw notFound('command');
  await manageable(command.deviceId, context);
  return toMessage(command);
}

/** A command that was not answered yet: sends it again, or finds that it has expired. */
export async function resend(
  { tenantId, commandId, attempt }: z.output<typeof Resend>,
  context: Context,
): Promise<void> {
  const own = context.forTenant(tenantId);
  const { commands, clock } = own;
  const command = await commands.getOrThrow(commandId);
  if (
    command.status === 'expired' ||
    (command.status === 'sent' && isExpired(command, clock.now()))
  ) {
    await settle(command, 'expired', undefined, own);
    return;
  }
  if (command.status !== 'sent') return;
  const now = await commands.update(commandId, (known = command) =>
    attempted(known, attempt, isoTime(clock)),
  );
  if (now.status === 'sent') await sendAndFollow(now, own);
}

/** A device has answered a command. */
export async function acknowledge(
  { data: { commandId, outcome, reason } }: MessageOf<'ack'>,
  deviceId: string,
  own: Context,
): Promise<'taken' | RefusalReason> {
  const command = await own.commands.get(commandId);
  if (command?.deviceId !== deviceId) return 'unknown_command';
  const now = await settle(command, outcome, reason, own);
  if (now.status === outcome) return 'taken';
  const late = { outcome, ...(reason === undefined ? {} : { reason }) };
  return (await sayLate(now, late, own)) ? 'taken' : 'command_settled';
}

/**
 * A device that was away tells of a command that had expired, and been said to be: whoever gave it up
 * must know that it was carried out after all, or that it was not. False where something else is known.
 */
async function sayLate(
  command: Command,
  late: NonNullable<Command['late']>,
  own: Context,
): Promise<boolean> {
  if (command.status !== 'expired') return false;
  const { commandId, deviceId, shopId, name } = command;
  const { document: now } = await own.commands.decide(
    commandId,
    (known = command) => ({
      document: answeredLate(known, late, isoTime(own.clock)),
      outcome: undefined,
    }),
    'late',
  );
  if (now.late?.outcome !== late.outcome) return false;
  const answer = { ...now.late, late: true } as const;
  const about = { deviceId, shopId, commandId, name };
  await own.publish(DeviceCommandSettled, { ...about, ...answer }, `late ${commandId}`);
  return true;
}

/** Ends a command, once; whoever finds it ended so says it again, as that may not have been done. */
async function settle(
  command: Command,
  outcome: 'acknowledged' | 'failed' | 'expired',
  reason: string | undefined,
  own: Context,
): Promise<Command> {
  const { commandId, deviceId, shopId, name } = command;
  const { document: now } = await own.commands.decide(
    commandId,
    (known = command) => ({
      document: settled(known, outcome, reason, isoTime(own.clock)),
      outcome: undefined,
    }),
    // whatever the same work has changed before
    'settled',
  );
  if (now.status !== outcome) return now;
  const end = { outcome, ...(now.reason === undefined ? {} : { reason: now.reason }) };
  await own.publish(DeviceCommandSettled, { deviceId, shopId, commandId, name, ...end }, commandId);
  return now;
}

/** Followed up first: what was sent and is not followed up could be lost. */
async function sendAndFollow(command: Command, own: Context): Promise<void> {
  const { jobs, bindings, clock, log, caller } = own;
  const { commandId, deviceId, attempts } = command;
  const { tenantId } = caller;
  const attempt = attempts + 1;
  await jobs.once('resend', `${commandId}.${attempt}`, nextDue(command, clock.now()), {
    ...{ tenantId, commandId, attempt },
  });
  const device = await identified(deviceId, own);
  if (device === undefined || device.retired) return;
  const { keys } = device;
  // whichever credential the device has by now: it takes the one, or the other the next time
  const key = keys[attempts % keys.length] ?? '';
  const topic = topicText({ tenantId, deviceId, kind: 'command' });
  const payload = Buffer.from(signedMessage(key, topic, messageOf(command)));
  own.links.send(keyOf({ tenantId, deviceId }), payload);
  try {
    await bindings.devices.send('create', payload, { topic });
  } catch (error) {
    log.warn({ commandId, failure: String(error) }, 'command not sent, to be sent again');
  }
}

function assertSame({ deviceId, name, arguments: given, expiresAt }: Command, wanted: Wanted) {
  const same = { deviceId, name, arguments: given, expiresAt };
  const { commandId: _, ...asked } = wanted;
  if (!isDeepStrictEqual(same, asked)) throw idempotencyKeyReused();
}

function toMessage(command: Command) {
  const { expiresAt, createdAt, updatedAt, shopId: _, arguments: __, late: ___, ...rest } = command;
  return {
    ...rest,
    expiresAt: toTimestamp(expiresAt),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}
