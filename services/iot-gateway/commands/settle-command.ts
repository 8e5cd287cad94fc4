import { isoTime } from '#kit/core/clock';
import type { MessageOf } from '#contracts/device-messages';
import { DeviceCommandSettled } from '#contracts/iot-gateway';
import type { Context } from '../definition';
import type { RejectionReason } from '../messages/rejections';
import { type Command, type CommandOutcome, withLateResult, withOutcome } from './command';

/** Handles a device's answer to a command. */
export async function handleAck(
  { data: { commandId, outcome, reason } }: MessageOf<'ack'>,
  deviceId: string,
  tenantContext: Context,
): Promise<'taken' | RejectionReason> {
  const command = await tenantContext.commands.get(commandId);
  if (command?.deviceId !== deviceId) return 'unknown_command';
  const settled = await settleCommand(command, outcome, reason, tenantContext);
  if (settled.status === outcome) return 'taken';
  const late = { outcome, ...(reason === undefined ? {} : { reason }) };
  return (await recordLateResult(settled, late, tenantContext)) ? 'taken' : 'command_settled';
}

/**
 * Records and publishes the result of a command that was published as expired. Its sender has given it
 * up and must know the true result. Returns false if the command has another result.
 */
async function recordLateResult(
  command: Command,
  late: NonNullable<Command['late']>,
  { commands, publish, clock }: Context,
): Promise<boolean> {
  if (command.status !== 'expired') return false;
  const { commandId, deviceId, shopId, name } = command;
  const { document: updated } = await commands.decide(
    commandId,
    (current = command) => ({
      document: withLateResult(current, late, isoTime(clock)),
      outcome: undefined,
    }),
    'late',
  );
  if (updated.late?.outcome !== late.outcome) return false;
  const result = { ...updated.late, late: true } as const;
  await publish(
    DeviceCommandSettled,
    { deviceId, shopId, commandId, name, ...result },
    `late ${commandId}`,
  );
  return true;
}

/**
 * Settles a command, once. If it has this outcome already, the event is published again, since the
 * execution that settled it may have died before it did.
 */
export async function settleCommand(
  command: Command,
  outcome: CommandOutcome,
  reason: string | undefined,
  { commands, publish, clock }: Context,
): Promise<Command> {
  const { commandId, deviceId, shopId, name } = command;
  const { document: updated } = await commands.decide(
    commandId,
    (current = command) => ({
      document: withOutcome(current, outcome, reason, isoTime(clock)),
      outcome: undefined,
    }),
    // independent of other changes in the same execution
    'settled',
  );
  if (updated.status !== outcome) return updated;
  const result = {
    outcome,
    ...(updated.reason === undefined ? {} : { reason: updated.reason }),
  };
  await publish(DeviceCommandSettled, { deviceId, shopId, commandId, name, ...result }, commandId);
  return updated;
}
