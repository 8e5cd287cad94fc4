import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { z } from 'zod';

/** What is kept of an answer of the edge: what tells how an order, or a request, ended. */
const Told = z.object({
  orderId: z.string().optional(),
  status: z.string().optional(),
  reason: z.string().optional(),
  fields: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});
const Answer = z.object({ data: Told.optional(), details: Told.optional() });
export type Told = z.infer<typeof Told>;

/** What a client asked of the edge, and what came of it. */
export interface Asked {
  /** The first is 0. */
  readonly n: number;
  readonly what: 'order' | 'cancel' | 'refund' | 'adjust' | 'replay';
  /** Who asked: a user's id, or `admin`. */
  readonly who: string;
  readonly path: string;
  readonly key: string;
  readonly body: unknown;
  /** Another body than the one that the key was first given with. */
  readonly changed?: true;
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
  readonly endedAt: number;
  /** Absent where no answer came: then `failure` says why. */
  readonly status?: number;
  readonly told?: Told;
  readonly failure?: string;
}

/** What was asked and answered, written down outside of the system, line by line. */
export class Ledger {
  readonly asked: Asked[] = [];
  readonly #lines;
  #next = 0;

  constructor(file: string) {
    this.#lines = createWriteStream(file);
  }

  /** Asks, and notes what came of it. Never throws. */
  async note(
    asking: Pick<Asked, 'what' | 'who' | 'path' | 'key' | 'body' | 'changed'>,
    ask: () => Promise<{ status: number; text: string }>,
  ): Promise<Asked> {
    const n = this.#next++;
    const sentAt = Date.now();
    const ended = await ask().then(
      ({ status, text }) => ({ status, ...told(text) }),
      (error: unknown) => ({ failure: reasonOf(error) }),
    );
    const asked: Asked = { n, ...asking, sentAt, endedAt: Date.now(), ...ended };
    this.asked.push(asked);
    this.#lines.write(`${JSON.stringify(asked)}\n`);
    return asked;
  }

  async close(): Promise<void> {
    this.#lines.end();
    await finished(this.#lines);
  }
}

function told(text: string): { told?: Told } {
  const { success, data } = Answer.safeParse(json(text));
  const known = success ? (data.data ?? data.details) : undefined;
  return known === undefined ? {} : { told: known };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** fetch tells why in the cause of what it throws. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
