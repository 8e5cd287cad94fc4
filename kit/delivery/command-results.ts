import { type Refusal, refusalError } from '../core/errors';
import { CommandResult } from '../messages/command-result';
import { SIDECAR_TIMEOUT_MS, type Sidecar } from '../transport/sidecar';

const KEEP_SECONDS = 24 * 3600;

/**
 * How commands and requests ended, for those who wait: at once where the same process did the
 * work or got the reply, through the store where another one did. Thus replicas can share a topic
 * of replies, as on every broker they do: whoever gets one that it has not asked for leaves it
 * there for the one that has.
 */
export class CommandResults {
  readonly #waiting = new Map<string, PromiseWithResolvers<unknown>>();
  readonly #doneHere = new Set<string>();

  constructor(private readonly sidecar: Sidecar) {}

  /**
   * Settles when this process has done the command, or has the reply to the request, with the
   * answer. To be called before it is sent.
   */
  awaitResult(commandId: string): { completed: Promise<unknown>; forget: () => void } {
    const waiting = this.#waiting.get(commandId) ?? Promise.withResolvers<unknown>();
    this.#waiting.set(commandId, waiting);
    // whoever waits handles the rejection; that nobody waits any more must not end the process
    waiting.promise.catch(() => undefined);
    return {
      completed: waiting.promise,
      forget: () => {
        if (this.#waiting.get(commandId) === waiting) this.#waiting.delete(commandId);
      },
    };
  }

  /** Whether somebody in this process waits for the command. */
  isAwaited(commandId: string): boolean {
    return this.#waiting.has(commandId);
  }

  /** Does the command here: meanwhile nobody who waits for it needs to look elsewhere. */
  async runInProcess(commandId: string, work: () => Promise<void>): Promise<void> {
    this.#doneHere.add(commandId);
    try {
      await work();
    } finally {
      this.#doneHere.delete(commandId);
    }
  }

  async recordSuccess(commandId: string): Promise<void> {
    const waiting = this.#waiting.get(commandId);
    if (waiting === undefined) await this.#keep(commandId, { refusal: null });
    else waiting.resolve(undefined);
  }

  /** A refusal is kept in any case: the same command asked again is refused again. */
  async recordRefusal(commandId: string, refusal: Refusal): Promise<void> {
    await this.#keep(commandId, { refusal });
    this.#waiting.get(commandId)?.reject(refusalError(refusal));
  }

  /** A reply: for whoever waits for it here, else for as long as somebody elsewhere may. */
  async recordReply(
    requestId: string,
    outcome: CommandResult,
    milliseconds: number,
  ): Promise<void> {
    const waiting = this.#waiting.get(requestId);
    if (waiting === undefined) await this.#keep(requestId, outcome, milliseconds / 1000);
    else if (outcome.refusal === null) waiting.resolve(outcome.answer);
    else waiting.reject(refusalError(outcome.refusal));
  }

  /** What another process has done or was told by now, if so; throws its refusal. */
  async storedResult(commandId: string, timeout: number): Promise<{ answer: unknown } | undefined> {
    if (this.#doneHere.has(commandId)) return undefined;
    const loaded = await this.sidecar.load(keyOf(commandId), timeout);
    if (loaded === undefined) return undefined;
    const { refusal, answer } = CommandResult.parse(loaded.value);
    if (refusal === null) return { answer };
    throw refusalError(refusal);
  }

  async #keep(commandId: string, outcome: CommandResult, seconds = KEEP_SECONDS): Promise<void> {
    // it may be there from an earlier delivery of the same command: then it is the same
    const ttl = Math.ceil(seconds);
    await this.sidecar.save(keyOf(commandId), outcome, undefined, SIDECAR_TIMEOUT_MS, ttl);
  }
}

function keyOf(commandId: string): string {
  return `outcome:${commandId}`;
}
