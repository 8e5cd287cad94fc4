import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import { refused } from '#kit/core/errors';
import { fromTimestamp } from '#kit/core/timestamps';
import { idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { Id, validate } from '#kit/core/validation';
import type { SendCommandRequest } from '#proto/retail/iot/v1/iot_gateway_pb';
import type { Context } from '../definition';
import { managedDevice } from '../device-identity';
import { type Command, requireValidExpiry } from './command';
import { toMessage } from './queries';
import { transmit } from './transmit';

/**
 * Keeps the message to the device, which contains the arguments, below its limit of 64 KiB, above which the
 * broker drops it.
 */
const MAX_ARGUMENTS_BYTES = 32_000;

const CommandRequest = z.object({
  commandId: z.union([z.literal(''), Id]),
  deviceId: Id,
  name: z
    .string()
    .regex(
      /^[a-z][a-z0-9_-]{0,63}$/,
      'must be a lower-case name of at most 64 letters, digits, _ and -, such as dispense',
    ),
  arguments: z
    .record(z.string(), z.unknown())
    .default({})
    .refine(
      (value) => Buffer.byteLength(JSON.stringify(value)) <= MAX_ARGUMENTS_BYTES,
      `must be at most ${MAX_ARGUMENTS_BYTES} bytes of JSON`,
    ),
  expiresAt: z.iso.datetime(),
});
type CommandRequest = z.output<typeof CommandRequest>;

/** Stores a command and sends it. A job sends it again until the device answers or it expires. */
export async function sendCommand(request: SendCommandRequest, context: Context) {
  const { commands, clock, newId } = context;
  const { expiresAt } = request;
  const commandRequest = validate(CommandRequest, {
    ...request,
    expiresAt: expiresAt === undefined ? undefined : fromTimestamp(expiresAt),
  });
  const commandId = commandRequest.commandId === '' ? newId('command') : commandRequest.commandId;
  const known = await commands.get(commandId);
  if (known === undefined) requireValidExpiry(commandRequest.expiresAt, clock.now());
  else requireSameRequest(known, commandRequest);
  const { shopId, retired } = await managedDevice(commandRequest.deviceId, context);
  if (retired) throw refused('retired_device', 'the device is retired');
  const at = isoTime(clock);
  const command = await commands.update(
    commandId,
    (current) =>
      current ?? {
        ...commandRequest,
        commandId,
        shopId,
        status: 'sent',
        attempts: 1,
        createdAt: at,
        updatedAt: at,
      },
  );
  requireSameRequest(command, commandRequest);
  if (command.status === 'sent' && command.attempts === 1) await transmit(command, context);
  return toMessage(command);
}

function requireSameRequest(
  { deviceId, name, arguments: commandArguments, expiresAt }: Command,
  request: CommandRequest,
): void {
  const stored = { deviceId, name, arguments: commandArguments, expiresAt };
  const { commandId: _, ...requested } = request;
  if (!isDeepStrictEqual(stored, requested)) throw idempotencyKeyReused();
}
