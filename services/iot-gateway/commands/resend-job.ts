import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import type { Context } from '../definition';
import { isExpired, withAttempt } from './command';
import { settleCommand } from './settle-command';
import { transmit } from './transmit';

/** The data of the job that sends a command again. */
export const ResendJob = z.object({
  tenantId: z.string(),
  commandId: z.string(),
  attempt: z.int().positive(),
});

/** Sends a command that its device has not acknowledged again, or settles it as expired. */
export async function resendCommand(
  { tenantId, commandId, attempt }: z.output<typeof ResendJob>,
  context: Context,
): Promise<void> {
  const tenantContext = context.forTenant(tenantId);
  const { commands, clock } = tenantContext;
  const command = await commands.getOrThrow(commandId);
  if (
    command.status === 'expired' ||
    (command.status === 'sent' && isExpired(command, clock.now()))
  ) {
    await settleCommand(command, 'expired', undefined, tenantContext);
    return;
  }
  if (command.status !== 'sent') return;
  const updated = await commands.update(commandId, (current = command) =>
    withAttempt(current, attempt, isoTime(clock)),
  );
  if (updated.status === 'sent') await transmit(updated, tenantContext);
}
