import { type DescMethodUnary, type Message, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Clock } from '#kit/core/clock';
import { EdgeError, toErrorBody } from '../http/errors';

interface Entry {
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** A response, and its age in seconds if it comes from the cache. */
export interface CachedResponse {
  readonly message: Message;
  readonly age?: number;
}

/** An older response is not served. */
const MAX_STALE_MS = 3_600_000;
/** A response is stored again at most this often. */
const RESTORE_MS = 1_000;

/**
 * The last good responses of public reads, served while the service is down: an old catalogue is better
 * than none. Bounded by size; the entry that was stored longest ago is evicted first.
 */
export class StaleCache {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(
    private readonly clock: Clock,
    private readonly maxBytes = 16 * 1024 * 1024,
  ) {}

  /** The response of the call; the last good one if the service is down. Otherwise throws. */
  async fetch(
    rpc: DescMethodUnary,
    tenantId: string,
    request: Message,
    call: () => Promise<Message>,
  ): Promise<CachedResponse> {
    const { buffer, byteOffset, byteLength } = toBinary(rpc.input, request);
    const parameters = Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
    const key = `${tenantId} ${rpc.parent.typeName}/${rpc.name} ${parameters}`;
    try {
      const message = await call();
      this.#store(key, rpc, message);
      return { message };
    } catch (error) {
      // a refusal is current: what is gone must not be served later as if it existed
      if (toErrorBody(error).statusCode < 500) this.#delete(key);
      const entry = isUnavailable(error) ? this.#find(key) : undefined;
      if (entry === undefined) throw error;
      const age = Math.floor((this.clock.now() - entry.at) / 1000);
      return { message: fromBinary(rpc.output, entry.bytes), age };
    }
  }

  #store(key: string, rpc: DescMethodUnary, message: Message): void {
    const at = this.clock.now();
    const before = this.#entries.get(key);
    if (before !== undefined && at - before.at < RESTORE_MS) return;
    const bytes = toBinary(rpc.output, message);
    this.#delete(key);
    this.#entries.set(key, { bytes, at });
    this.#bytes += key.length + bytes.length;
    while (this.#bytes > this.maxBytes) {
      const [oldest = ''] = this.#entries.keys();
      this.#delete(oldest);
    }
  }

  #find(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.clock.now() - entry.at < MAX_STALE_MS ? entry : undefined;
  }

  #delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= key.length + entry.bytes.length;
  }
}

/** Whether the service did not answer. A refusal is an answer, and so is an internal error. */
function isUnavailable(error: unknown): boolean {
  if (error instanceof EdgeError) return error.status === 503;
  return [502, 503, 504].includes(toErrorBody(error).statusCode);
}
