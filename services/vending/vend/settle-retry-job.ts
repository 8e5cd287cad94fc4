import { z } from 'zod';
import { isUnavailable } from '#kit/core/errors';
import { SagaRecorder } from '#kit/saga/saga-steps';
import type { Context } from '../definition';
import { FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS } from '../timeouts';
import { settle } from './settle';
import type { Vend } from './vend';

/** The data of the job that retries the settlement of a vend. */
export const SettleRetry = z.object({ tenantId: z.string(), vendId: z.string(), attempt: z.int() });

/**
 * Settles a vend. If a service is unavailable or its outcome is unknown, the vend keeps its status and a
 * job retries without a limit: a dispensed vend must be paid, and an authorised payment of a cancelled
 * one must be voided.
 */
export async function settleOrRetryLater(
  vend: Vend,
  sagaRecorder: SagaRecorder,
  context: Context,
): Promise<void> {
  try {
    await settle(vend, sagaRecorder, context);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    await scheduleRetry(vend.vendId, 1, context);
  }
}

export async function retrySettlement(
  { tenantId, vendId, attempt }: z.output<typeof SettleRetry>,
  platformContext: Context,
): Promise<void> {
  const context = platformContext.forTenant(tenantId);
  const { vends, jobs, log } = context;
  const vend = await vends.getOrThrow(vendId);
  // First of all, as this process may die at any point after it. A vend that has ended is settled once
  // more, because its events may not be published yet.
  await scheduleRetry(vendId, attempt + 1, context);
  try {
    await settle(vend, new SagaRecorder(context), context);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    log.warn({ vendId, attempt, failure: String(error) }, 'vend not settled, will retry');
    return;
  }
  await jobs.cancel('settle', jobNameOf(vendId, attempt + 1));
}

async function scheduleRetry(
  vendId: string,
  attempt: number,
  { jobs, caller }: Context,
): Promise<void> {
  const seconds = Math.min(FIRST_RETRY_SECONDS * 2 ** (attempt - 1), MAX_RETRY_SECONDS);
  const data = { tenantId: caller.tenantId, vendId, attempt };
  await jobs.once('settle', jobNameOf(vendId, attempt), `${seconds}s`, data);
}

function jobNameOf(vendId: string, attempt: number): string {
  return `${vendId}.${attempt}`;
}
