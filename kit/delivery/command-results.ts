import { deterministicId } from '../core/deterministic-id';
import { type Refusal, refusalError } from '../core/errors';
import { CommandResult } from '../messages/command-result';
import { SIDECAR_TIMEOUT_MS, type Sidecar } from '../transport/sidecar';

/** How long results are kept: as long as a client's Idempotency-Key is valid. */
const RESULT_SECONDS = 24 * 3600;

/**
 * The results of commands and requests, for the executions that wait for them. A result reaches a
 * waiting execution of the same process directly, and one of another replica through the store. So
 * replicas can share a reply topic, as they have to on every broker: a replica that receives a reply to
 * another's request stores it for that one.
 */
export class CommandResults {
  readonly #awaited = new Map<string, PromiseWithResolvers<unknown>>();
  readonly #runningHere = new Set<string>();

  constructor(private readonly sidecar: Sidecar) {}

  /**
   * Waits for a command that this process executes, or for the reply to a request that it receives.
   * `completed` resolves with the data of the reply (undefined for a command) or rejects with the
   * refusal. Call it before the command is published, and `forget` in the end.
   */
  awaitResult(commandId: string): { completed: Promise<unknown>; forget: () => void } {
    const awaited = this.#awaited.get(commandId) ?? Promise.withResolvers<unknown>();
    this.#awaited.set(commandId, awaited);
    // the waiting execution handles a rejection; one that nothing waits for must not end the process
    awaited.promise.catch(() => undefined);
    return {
      completed: awaited.promise,
      forget: () => {
        if (this.#awaited.get(commandId) === awaited) this.#awaited.delete(commandId);
      },
    };
  }

  /** Whether an execution of this process waits for the command or request. */
  isAwaited(commandId: string): boolean {
    return this.#awaited.has(commandId);
  }

  /** Runs a command in this process. Meanwhile `storedResult` need not look for it in the store. */
  async runInProcess(commandId: string, work: () => Promise<void>): Promise<void> {
    this.#runningHere.add(commandId);
    try {
      await work();
    } finally {
      this.#runningHere.delete(commandId);
    }
  }

  /**
   * Records that a command was executed. Stores it only if no execution of this process waits for
   * it.
   */
  async recordSuccess(commandId: string, timeout: number): Promise<void> {
    const awaited = this.#awaited.get(commandId);
    if (awaited === undefined) await this.#save(commandId, { refusal: null }, timeout);
    else awaited.resolve(undefined);
  }

  /** Records a refusal. It is always stored, so that the same command is refused again. */
  async recordRefusal(commandId: string, refusal: Refusal, timeout: number): Promise<void> {
    await this.#save(commandId, { refusal }, timeout);
    this.#awaited.get(commandId)?.reject(refusalError(refusal));
  }

  /** Records a reply. If no execution of this process waits for it, stores it until it expires. */
  async recordReply(requestId: string, result: CommandResult, expiresInMs: number): Promise<void> {
    const awaited = this.#awaited.get(requestId);
    if (awaited === undefined) {
      await this.#save(requestId, result, SIDECAR_TIMEOUT_MS, expiresInMs / 1000);
    } else if (result.refusal === null) awaited.resolve(result.answer);
    else awaited.reject(refusalError(result.refusal));
  }

  /**
   * A result that another replica has stored; undefined if there is none. Throws a stored refusal.
   */
  async storedResult(commandId: string, timeout: number): Promise<{ answer: unknown } | undefined> {
    if (this.#runningHere.has(commandId)) return undefined;
    const loaded = await this.sidecar.load(keyOf(commandId), timeout);
    if (loaded === undefined) return undefined;
    const { refusal, answer } = CommandResult.parse(loaded.value);
    if (refusal === null) return { answer };
    throw refusalError(refusal);
  }

  async #save(
    commandId: string,
    result: CommandResult,
    timeout: number,
    seconds = RESULT_SECONDS,
  ): Promise<void> {
    // save returns false if an earlier delivery of the command has stored its result: the same one
    await this.sidecar.save(keyOf(commandId), result, undefined, timeout, Math.ceil(seconds));
  }
}

/** The form of the ids of this kit. */
const OWN_ID = /^[\w-]{1,64}$/;

/** An id of another form may contain what a store refuses in a key. */
function keyOf(commandId: string): string {
  return `outcome:${OWN_ID.test(commandId) ? commandId : deterministicId(commandId)}`;
}
