import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Operation, Steps } from './recording';

/** What one handling does, in the order in which it does it. */
export class Tape {
  readonly #steps: Operation[][] = [];
  #inFlight = 0;
  #awaited: { readonly event: number; handled: boolean } | undefined;

  get steps(): Steps {
    return this.#steps;
  }

  /** Does the work of an operation. What begins before another one has ended is at once with it. */
  async record<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
    const isAlone = this.#inFlight === 0;
    this.#inFlight++;
    try {
      // whoever has waited for an event may go on before all of its handling has returned
      await turn();
      this.endOfWait();
      if (isAlone) this.#steps.push([]);
      this.#steps.at(-1)?.push(operation);
      if (operation.do === 'save') this.#loadedForUpdate(operation.key);
      return await work();
    } finally {
      this.#inFlight--;
    }
  }

  /** Has said an event that its own service hears; `handled` is to be called when that is done. */
  mayWaitFor(event: number): { handled: () => void } {
    const awaited = { event, handled: false };
    this.#awaited = awaited;
    return { handled: () => (awaited.handled = true) };
  }

  /** If the event has been handled by now, then this handling has waited for it. */
  endOfWait(): void {
    if (this.#awaited?.handled !== true) return;
    this.#steps.push([{ do: 'wait', event: this.#awaited.event }]);
    this.#awaited = undefined;
  }

  #loadedForUpdate(key: string): void {
    const loads = this.#steps.flat().filter((one) => one.do === 'load' && one.key === key);
    const last = loads.at(-1);
    if (last?.do !== 'load') throw new Error(`${key} was written without having been read`);
    last.forUpdate = true;
  }
}

const current = new AsyncLocalStorage<Tape>();

/** Runs a handling; what it does is on its tape. */
export function onTape<T>(tape: Tape, execution: () => Promise<T>): Promise<T> {
  return current.run(tape, execution);
}

/** The tape of the handling that this runs in. */
export function tapeHere(): Tape {
  const tape = current.getStore();
  if (tape === undefined) throw new Error('nothing is done but by a handling');
  return tape;
}
