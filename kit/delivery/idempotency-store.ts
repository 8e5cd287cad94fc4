import {
  type DescMethodUnary,
  type MessageShape,
  create,
  fromJson,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { hash } from 'node:crypto';
import { z } from 'zod';
import { Code, Refusal, invalid, refusalError, refusalOf } from '../core/errors';
import type { Execution } from '../core/execution';
import type { Definition } from '../service/definition';
import { SIDECAR_TIMEOUT_MS, type Sidecar } from '../transport/sidecar';

/** A request that came under a client's key: what was asked, and, once it is known, what was answered. */
const Known = z.object({
  fingerprint: z.string(),
  answer: z.json().optional(),
  refusal: Refusal.optional(),
});
type Known = z.infer<typeof Known>;

/** How long a client's Idempotency-Key counts: a day. */
export const IDEMPOTENCY_SECONDS = 24 * 3600;

/** A request that is refused for what it is, or for who asks, has not begun: it may be mended. */
const NOT_BEGUN: ReadonlySet<Code> = new Set([
  Code.INVALID_ARGUMENT,
  Code.UNAUTHENTICATED,
  Code.PERMISSION_DENIED,
]);

/**
 * Answers requests that come under a client's Idempotency-Key: for a day, the same request is
 * answered as the first time, and another one is refused. Requests that come at once all do the
 * work, under the same cause, so that each effect of it comes about once; so does one that comes
 * after a crash, as long as documents keep their marks.
 */
export class IdempotencyStore {
  constructor(
    private readonly sidecar: Sidecar,
    private readonly how: NonNullable<Definition['idempotency']> = {},
  ) {}

  /** Answers from what is known, or else by the work. Throws as the work does. */
  async run<M extends DescMethodUnary>(
    method: M,
    request: MessageShape<M['input']>,
    execution: Execution,
    work: () => Promise<MessageShape<M['output']>>,
  ): Promise<MessageShape<M['output']>> {
    const { sidecar } = this;
    const how = this.how[method.localName];
    if (how === 'handled-by-service') return work();
    const key = `asked:${execution.callContext.id}`;
    const fingerprint = hash('sha256', toBinary(method.input, request), 'base64url');
    const keep = (known: Known) =>
      sidecar.save(
        key,
        known,
        undefined,
        execution.remainingMs(SIDECAR_TIMEOUT_MS),
        IDEMPOTENCY_SECONDS,
      );

    if (!(await keep({ fingerprint }))) {
      const loaded = await sidecar.load(key, execution.remainingMs(SIDECAR_TIMEOUT_MS));
      const known = loaded && Known.parse(loaded.value);
      if (known !== undefined && known.fingerprint !== fingerprint) throw idempotencyKeyReused();
      if (known?.refusal !== undefined) throw refusalError(known.refusal);
      if (known?.answer !== undefined) {
        return fromJson(method.output, known.answer) as MessageShape<M['output']>; // this method's own
      }
    }
    const settle = async (how: Omit<Known, 'fingerprint'>) => {
      const loaded = await sidecar.load(key, execution.remainingMs(SIDECAR_TIMEOUT_MS));
      const known = { fingerprint, ...how };
      const left = execution.remainingMs(SIDECAR_TIMEOUT_MS);
      // where another one of the same was quicker, that is the answer from now on
      await sidecar.save(key, known, loaded?.etag, left, IDEMPOTENCY_SECONDS);
    };
    try {
      const response = await work();
      if (how !== 'recompute') {
        await settle({ answer: toJson(method.output, create(method.output, { ...response })) });
      }
      return response;
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal !== undefined && NOT_BEGUN.has(refusal.code)) {
        await sidecar.delete(key, execution.remainingMs(SIDECAR_TIMEOUT_MS));
      } else if (refusal !== undefined) await settle({ refusal });
      throw error;
    }
  }
}

/** The refusal of another request under a key that was used before. */
export function idempotencyKeyReused() {
  return invalid('Idempotency-Key', 'was given with another request before');
}
