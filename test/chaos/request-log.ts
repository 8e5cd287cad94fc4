import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { z } from 'zod';

/** The part of an answer of the edge that says how an order, or a request, ended. */
const AnswerData = z.object({
  orderId: z.string().optional(),
  status: z.string().optional(),
  reason: z.string().optional(),
  fields: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});
const AnswerBody = z.object({ data: AnswerData.optional(), details: AnswerData.optional() });
export type AnswerData = z.infer<typeof AnswerData>;

/** One attempt of a client at the edge, and its outcome. */
export interface LoggedRequest {
  /** The first is 0. */
  readonly n: number;
  readonly kind: 'order' | 'cancel' | 'refund' | 'adjust' | 'replay';
  /** A user's id, or `admin`. */
  readonly client: string;
  readonly path: string;
  readonly key: string;
  readonly body: unknown;
  /** The order that it is about; absent where the order is placed by it. */
  readonly orderId?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
  readonly endedAt: number;
  /** Absent where no answer came: then `failure` says why. */
  readonly status?: number;
  readonly data?: AnswerData;
  readonly failure?: string;
}

/** All requests and answers, written to a file outside of the system, one line each. */
export class RequestLog {
  readonly requests: LoggedRequest[] = [];
  readonly #lines;
  #next = 0;

  constructor(file: string) {
    this.#lines = createWriteStream(file);
  }

  /** Sends the request, and records its outcome. Never throws. */
  async record(
    request: Pick<LoggedRequest, 'kind' | 'client' | 'path' | 'key' | 'body' | 'orderId'>,
    send: () => Promise<{ status: number; text: string }>,
  ): Promise<LoggedRequest> {
    const n = this.#next++;
    const sentAt = Date.now();
    const outcome = await send().then(
      ({ status, text }) => ({ status, ...dataIn(text) }),
      (error: unknown) => ({ failure: reasonOf(error) }),
    );
    const logged: LoggedRequest = { n, ...request, sentAt, endedAt: Date.now(), ...outcome };
    this.requests.push(logged);
    this.#lines.write(`${JSON.stringify(logged)}\n`);
    return logged;
  }

  async close(): Promise<void> {
    this.#lines.end();
    await finished(this.#lines);
  }
}

function dataIn(text: string): { data?: AnswerData } {
  const { success, data: body } = AnswerBody.safeParse(json(text));
  const data = success ? (body.data ?? body.details) : undefined;
  return data === undefined ? {} : { data };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** fetch puts the reason into the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
