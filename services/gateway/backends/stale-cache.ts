import { type DescMethodUnary, type Message, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Clock } from '#kit/core/clock';
import { EdgeError, toErrorAnswer } from '../http/errors';

interface Kept {
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** An answer, and where it is one of before, how old it is in seconds. */
export interface Found {
  readonly answered: Message;
  readonly age?: number;
}

/** What is older tells too little of what is. */
const KEPT_MS = 3_600_000;
/** The same question asked often: its answer is kept anew so often. */
const ANEW_MS = 1_000;

/**
 * The last good answers to what may be read by anybody of a tenant, for when the service is down:
 * an old catalogue is better than none. Bounded; what was not asked for longest goes first.
 */
export class StaleCache {
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(
    private readonly clock: Clock,
    private readonly atMostBytes = 16 * 1024 * 1024,
  ) {}

  /** What the call answers; the last good answer where nobody could answer it. Else throws. */
  async orKept(
    rpc: DescMethodUnary,
    tenantId: string,
    request: Message,
    call: () => Promise<Message>,
  ): Promise<Found> {
    const { buffer, byteOffset, byteLength } = toBinary(rpc.input, request);
    const asked = Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
    const key = `${tenantId} ${rpc.parent.typeName}/${rpc.name} ${asked}`;
    try {
      const answered = await call();
      this.#keep(key, rpc, answered);
      return { answered };
    } catch (error) {
      // what is refused now, as it is gone, is not given later as if it were there
      if (toErrorAnswer(error).statusCode < 500) this.#drop(key);
      const kept = nobodyAnswered(error) ? this.#find(key) : undefined;
      if (kept === undefined) throw error;
      const age = Math.floor((this.clock.now() - kept.at) / 1000);
      return { answered: fromBinary(rpc.output, kept.bytes), age };
    }
  }

  #keep(key: string, rpc: DescMethodUnary, answered: Message): void {
    const at = this.clock.now();
    const before = this.#kept.get(key);
    if (before !== undefined && at - before.at < ANEW_MS) return;
    const bytes = toBinary(rpc.output, answered);
    this.#drop(key);
    this.#kept.set(key, { bytes, at });
    this.#bytes += key.length + bytes.length;
    while (this.#bytes > this.atMostBytes) {
      const [oldest = ''] = this.#kept.keys();
      this.#drop(oldest);
    }
  }

  #find(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    return kept !== undefined && this.clock.now() - kept.at < KEPT_MS ? kept : undefined;
  }

  #drop(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= key.length + kept.bytes.length;
  }
}

/** A refusal is an answer; a fault of the way to the service, or its silence, is none. */
function nobodyAnswered(error: unknown): boolean {
  if (error instanceof EdgeError) return error.status === 503;
  return [502, 503, 504].includes(toErrorAnswer(error).statusCode);
}
