import {
  type DescMessage,
  type DescMethodUnary,
  type JsonValue,
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

/**
 * A request under a client's Idempotency-Key, and its result once there is one. It is stored, so the field
 * names must not change.
 */
const StoredRequest = z.object({
  /** The hash of the request message, and of the client's condition if there is one. */
  fingerprint: z.string(),
  answer: z.json().optional(),
  refusal: Refusal.optional(),
});
type StoredRequest = z.infer<typeof StoredRequest>;

/** How long a client's Idempotency-Key is valid: a day. */
export const IDEMPOTENCY_SECONDS = 24 * 3600;

/**
 * Refusals of the request itself or of its caller. Nothing was done, so the client may correct it
 * and retry.
 */
const NOT_STARTED: ReadonlySet<Code> = new Set([
  Code.INVALID_ARGUMENT,
  Code.UNAUTHENTICATED,
  Code.PERMISSION_DENIED,
]);

/**
 * Runs requests under a client's Idempotency-Key. For 24 h, a repetition of the request gets the
 * response of the first, and a different request is refused. Concurrent requests all run, under the same
 * call context id, so that each effect happens once. The same holds for a repetition after a crash, as
 * long as the documents have their inbox entries.
 */
export class IdempotencyStore {
  constructor(
    private readonly sidecar: Sidecar,
    private readonly policies: NonNullable<Definition['idempotency']> = {},
  ) {}

  /**
   * Returns the stored response, or else runs the work and stores its response or refusal. Throws what
   * the work throws, a stored refusal, or INVALID_ARGUMENT for a different request under the same key.
   */
  async run<M extends DescMethodUnary>(
    method: M,
    request: MessageShape<M['input']>,
    execution: Execution,
    work: () => Promise<MessageShape<M['output']>>,
  ): Promise<MessageShape<M['output']>> {
    const { sidecar } = this;
    const policy = this.policies[method.localName];
    if (policy === 'handled-by-service') return work();
    const key = `asked:${execution.callContext.id}`;
    const fingerprint = fingerprintOf(method, request, execution);
    const isFirst = await sidecar.save(
      key,
      { fingerprint },
      undefined,
      execution.remainingMs(SIDECAR_TIMEOUT_MS),
      IDEMPOTENCY_SECONDS,
    );
    if (!isFirst) {
      const loaded = await sidecar.load(key, execution.remainingMs(SIDECAR_TIMEOUT_MS));
      const stored = loaded && StoredRequest.parse(loaded.value);
      if (stored !== undefined && stored.fingerprint !== fingerprint) throw idempotencyKeyReused();
      if (stored?.refusal !== undefined) throw refusalError(stored.refusal);
      if (stored?.answer !== undefined) {
        // stored below, as the output of this method
        return fromJson(method.output, stored.answer) as MessageShape<M['output']>;
      }
    }
    const saveResult = async (result: Omit<StoredRequest, 'fingerprint'>) => {
      const loaded = await sidecar.load(key, execution.remainingMs(SIDECAR_TIMEOUT_MS));
      const timeout = execution.remainingMs(SIDECAR_TIMEOUT_MS);
      // save returns false if a concurrent request was first; then later ones get its response
      await sidecar.save(
        key,
        { fingerprint, ...result },
        loaded?.etag,
        timeout,
        IDEMPOTENCY_SECONDS,
      );
    };
    try {
      const response = await work();
      if (policy !== 'recompute') {
        await saveResult({ answer: toJson(method.output, create(method.output, { ...response })) });
      }
      return response;
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal !== undefined && NOT_STARTED.has(refusal.code)) {
        await sidecar.delete(key, execution.remainingMs(SIDECAR_TIMEOUT_MS));
      } else if (refusal !== undefined) await saveResult({ refusal });
      throw error;
    }
  }
}

function fingerprintOf<M extends DescMethodUnary>(
  method: M,
  request: MessageShape<M['input']>,
  { callContext: { precondition } }: Execution,
): string {
  const bytes = canonicalBytes(method.input, request);
  // without a condition as in earlier releases, whose fingerprints are stored
  const content =
    precondition === undefined
      ? bytes
      : Buffer.concat([bytes, Buffer.from(JSON.stringify(precondition))]);
  return hash('sha256', content, 'base64url');
}

/**
 * The bytes of a message, the same for each order of the keys in its maps, such as those of a JSON object.
 * The order of the fields of a message never counts.
 */
function canonicalBytes<D extends DescMessage>(desc: D, message: MessageShape<D>): Uint8Array {
  if (!hasMap(desc)) return toBinary(desc, message);
  return toBinary(desc, fromJson(desc, sorted(toJson(desc, message))));
}

function hasMap(desc: DescMessage, within: readonly DescMessage[] = []): boolean {
  if (within.includes(desc)) return false;
  return desc.fields.some(
    ({ fieldKind, message }) =>
      fieldKind === 'map' || (message !== undefined && hasMap(message, [...within, desc])),
  );
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The refusal of a different request under a key that was used before. */
export function idempotencyKeyReused() {
  return invalid('Idempotency-Key', 'was already used with a different request');
}
