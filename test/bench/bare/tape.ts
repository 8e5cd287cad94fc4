import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { type Operation, type Steps, loadsOf } from './recording';

/** The operations of one handler, in their order. */
export class Tape {
  readonly #steps: Operation[][] = [];
  #inFlight = 0;
  #awaited: { readonly event: number; handled: boolean } | undefined;

  get steps(): Steps {
    return this.#steps;
  }

  /** Runs an operation. One that begins before another has ended is concurrent with it. */
  async record<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
    const isAlone = this.#inFlight === 0;
    this.#inFlight++;
    try {
      // a handler that waited for an event may continue before its handler has returned
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

  /** Notes an event that its own service handles; `handled` is called when that is done. */
  mayWaitFor(event: number): { handled: () => void } {
    const awaited = { event, handled: false };
    this.#awaited = awaited;
    return { handled: () => (awaited.handled = true) };
  }

  /** If the event is handled by now, this handler has waited for it. */
  endOfWait(): void {
    if (this.#awaited?.handled !== true) return;
    this.#steps.push([{ do: 'wait', event: this.#awaited.event }]);
    this.#awaited = undefined;
  }

  #loadedForUpdate(key: string): void {
    const loads = this.#steps.flat().flatMap(loadsOf);
    const last = loads.findLast((one) => one.key === key);
    // a document that is created may be written without having been read
    if (last !== undefined) last.forUpdate = true;
  }
}

const current = new AsyncLocalStorage<Tape>();

/** Runs a handler with a tape of its own. */
export function onTape<T>(tape: Tape, execution: () => Promise<T>): Promise<T> {
  return current.run(tape, execution);
}

/** The tape of the current handler. */
export function tapeHere(): Tape {
  const tape = current.getStore();
  if (tape === undefined) throw new Error('nothing is done but by a handling');
  return tape;
}
