import { notFound } from '#kit/core/errors';
import type { Vend } from './domain';
import type { Context } from './definition';

/**
 * Makes a change of a vend that comes about only once, such as its end: whoever finds it made, in
 * whichever handling, goes on from there, and says of it what is to be said.
 */
export async function change(
  { vends }: Context,
  vendId: string,
  fact: string,
  to: (vend: Vend) => Vend,
): Promise<Vend> {
  const { document } = await vends.decide(
    vendId,
    (now) => {
      if (now === undefined) throw notFound('vend');
      return { document: to(now), outcome: undefined };
    },
    fact,
  );
  return document;
}
