import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { notFound } from '#kit/core/errors';
import { toTimestamp } from '#kit/core/timestamps';
import { Id, validate } from '#kit/core/validation';
import type { GetCommandRequest } from '#proto/retail/iot/v1/iot_gateway_pb';
import type { Context } from '../definition';
import { managedDevice } from '../device-identity';
import type { Command } from './command';

export async function getCommand(request: GetCommandRequest, context: Context) {
  requireRole(context.caller, 'seller', 'admin');
  const { commandId } = validate(z.object({ commandId: Id }), request);
  const command = await context.commands.get(commandId);
  if (command === undefined) throw notFound('command');
  await managedDevice(command.deviceId, context);
  return toMessage(command);
}

export function toMessage(command: Command) {
  const { expiresAt, createdAt, updatedAt, shopId: _, arguments: __, late: ___, ...rest } = command;
  return {
    ...rest,
    expiresAt: toTimestamp(expiresAt),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}
