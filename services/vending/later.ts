import { z } from 'zod';
import { isUnavailable } from '#kit/delivery/event-dispatcher';
import { SagaRecorder } from '#kit/saga/saga-steps';
import { conclude } from './conclude';
import type { Vend } from './domain';
import type { Context } from './definition';

/** The first try after so long, then ever more seldom. */
const FIRST_SECONDS = 2;
const MOST_SECONDS = 3_600;

/** The job of a vend that could not be brought to its end yet. */
export const Later = z.object({ tenantId: z.string(), vendId: z.string(), attempt: z.int() });

/**
 * Concludes a vend. Where somebody is away, or does not say what came of it, the vend stays as it is,
 * and a job goes on with it for as long as it takes: what a machine has dispensed is not forgotten,
 * and money that was kept ready is not left so.
 */
export async function concludeOrLater(
  vend: Vend,
  sagaRecorder: SagaRecorder,
  context: Context,
): Promise<void> {
  try {
    await conclude(vend, sagaRecorder, context);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    await tryLater(vend.vendId, 1, context);
  }
}

export async function goOn(
  { tenantId, vendId, attempt }: z.output<typeof Later>,
  anyTenant: Context,
): Promise<void> {
  const context = anyTenant.forTenant(tenantId);
  const { vends, jobs, log } = context;
  const vend = await vends.getOrThrow(vendId);
  // Before anything else, as this process may die in the middle of it. A vend that has ended may not
  // have been said to be: it is gone through once more.
  await tryLater(vendId, attempt + 1, context);
  try {
    await conclude(vend, new SagaRecorder(context), context);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    log.warn({ vendId, attempt, failure: String(error) }, 'a vend cannot be ended yet');
    return;
  }
  await jobs.cancel('settle', nameOf(vendId, attempt + 1));
}

async function tryLater(vendId: string, attempt: number, { jobs, caller }: Context): Promise<void> {
  const seconds = Math.min(FIRST_SECONDS * 2 ** (attempt - 1), MOST_SECONDS);
  const data = { tenantId: caller.tenantId, vendId, attempt };
  await jobs.once('settle', nameOf(vendId, attempt), `${seconds}s`, data);
}

function nameOf(vendId: string, attempt: number): string {
  return `${vendId}.${attempt}`;
}
