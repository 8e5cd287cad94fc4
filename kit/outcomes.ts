import { z } from 'zod';
import { Refusal, refusalError } from './errors';
import type { Sidecar } from './sidecar';

/** How a command ended: `refusal` is null when it was done. */
const Outcome = z.object({ refusal: Refusal.nullable() });

const KEEP_SECONDS = 24 * 3600;
const STEP_MS = 5_000;

/**
 * How commands ended, for those who wait: at once where the same process did the work, through
 * the store where another one did.
 */
export class Outcomes {
  readonly #waiting = new Map<string, PromiseWithResolvers<unknown>>();
  readonly #doneHere = new Set<string>();

  constructor(private readonly sidecar: Sidecar) {}

  /** Settles when this process has done the command. To be called before the command is sent. */
  expect(commandId: string): { done: Promise<unknown>; forget: () => void } {
    const waiting = this.#waiting.get(commandId) ?? Promise.withResolvers<unknown>();
    this.#waiting.set(commandId, waiting);
    // whoever waits handles the rejection; that nobody waits any more must not end the process
    waiting.promise.catch(() => undefined);
    return {
      done: waiting.promise,
      forget: () => {
        if (this.#waiting.get(commandId) === waiting) this.#waiting.delete(commandId);
      },
    };
  }

  /** Whether somebody in this process waits for the command. */
  isExpected(commandId: string): boolean {
    return this.#waiting.has(commandId);
  }

  /** Does the command here: meanwhile nobody who waits for it needs to look elsewhere. */
  async whileDoing(commandId: string, work: () => Promise<void>): Promise<void> {
    this.#doneHere.add(commandId);
    try {
      await work();
    } finally {
      this.#doneHere.delete(commandId);
    }
  }

  async done(commandId: string): Promise<void> {
    const waiting = this.#waiting.get(commandId);
    if (waiting === undefined) await this.#keep(commandId, { refusal: null });
    else waiting.resolve(undefined);
  }

  /** A refusal is kept in any case: the same command asked again is refused again. */
  async refused(commandId: string, refusal: Refusal): Promise<void> {
    await this.#keep(commandId, { refusal });
    this.#waiting.get(commandId)?.reject(refusalError(refusal));
  }

  /** Whether another process has done the command by now; throws its refusal. */
  async doneElsewhere(commandId: string, timeout: number): Promise<boolean> {
    if (this.#doneHere.has(commandId)) return false;
    const loaded = await this.sidecar.load(keyOf(commandId), timeout);
    if (loaded === undefined) return false;
    const { refusal } = Outcome.parse(loaded.value);
    if (refusal === null) return true;
    throw refusalError(refusal);
  }

  async #keep(commandId: string, outcome: z.infer<typeof Outcome>): Promise<void> {
    // it may be there from an earlier delivery of the same command: then it is the same
    await this.sidecar.save(keyOf(commandId), outcome, undefined, STEP_MS, KEEP_SECONDS);
  }
}

function keyOf(commandId: string): string {
  return `outcome:${commandId}`;
}
