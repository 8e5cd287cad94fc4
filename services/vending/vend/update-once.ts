import { notFound } from '#kit/core/errors';
import type { Context } from '../definition';
import type { Vend } from './vend';

/**
 * Applies a change of a vend that can happen only once, such as its end. An execution that finds it
 * applied, by itself or by another, gets the vend as it is now and continues from there. It publishes
 * the events of the change again, since the other may have died before it did.
 */
export async function updateOnce(
  { vends }: Context,
  vendId: string,
  dedupKey: string,
  change: (vend: Vend) => Vend,
): Promise<Vend> {
  const { document } = await vends.decide(
    vendId,
    (current) => {
      if (current === undefined) throw notFound('vend');
      return { document: change(current), outcome: undefined };
    },
    dedupKey,
  );
  return document;
}
