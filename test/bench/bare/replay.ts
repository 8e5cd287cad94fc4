import {
  type Operation,
  type Order,
  type Recording,
  type Script,
  type Steps,
  fill,
  idOf,
  keyFor,
  recordingFor,
} from './recording';
import type { BareSidecar } from './sidecar';

/** As long as an id of the kit. */
const ID_LENGTH = 22;

interface Handling {
  readonly recording: Recording;
  readonly order: Order;
  /** The etags of the documents that it has read. */
  readonly etags: Map<string, string | undefined>;
  /** Releases the documents that it is about to write. */
  readonly holds: Map<string, () => void>;
}

/** Does the recorded operations, and nothing else. */
export class Replay {
  /** The handlers that wait for an event, and the handled events that are waited for. */
  readonly #handled = new Map<string, PromiseWithResolvers<unknown>>();
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(
    readonly script: Script,
    readonly slots: number,
    private readonly sidecar: BareSidecar,
  ) {}

  recording(order: Order): Recording {
    return recordingFor(this.script, order, this.slots);
  }

  async run(steps: Steps, order: Order): Promise<void> {
    const recording = this.recording(order);
    const execution: Handling = { recording, order, etags: new Map(), holds: new Map() };
    try {
      for (const step of steps) {
        const [first] = step;
        if (step.length === 1 && first !== undefined) await this.#do(first, execution);
        else await Promise.all(step.map((operation) => this.#do(operation, execution)));
      }
    } finally {
      for (const letOthers of execution.holds.values()) letOthers();
    }
  }

  /** An event is handled that another handler waits for. */
  handled(event: number, order: Order): void {
    this.#waiting(event, order).resolve(undefined);
  }

  async #do(operation: Operation, { recording, order, etags, holds }: Handling): Promise<void> {
    switch (operation.do) {
      case 'load': {
        const key = keyFor(operation.key, operation.scope, order);
        if (operation.forUpdate) holds.set(key, await this.#hold(key));
        etags.set(key, await this.sidecar.load(key));
        return;
      }
      case 'loadMany': {
        const keys: string[] = [];
        for (const { key: recorded, scope, forUpdate } of operation.loads) {
          const key = keyFor(recorded, scope, order);
          if (forUpdate) holds.set(key, await this.#hold(key));
          keys.push(key);
        }
        for (const [key, etag] of await this.sidecar.loadMany(keys)) etags.set(key, etag);
        return;
      }
      case 'save': {
        const key = keyFor(operation.key, operation.scope, order);
        await this.sidecar.save(key, operation.value, etags.get(key), operation.ttlSeconds);
        holds.get(key)?.();
        return;
      }
      case 'erase':
        return this.sidecar.erase(keyFor(operation.key, operation.scope, order));
      case 'publish': {
        const event = recording.events[operation.event];
        if (event === undefined) throw new Error('an event is not in the recording');
        const text = fill(event.message, operation.event, order);
        return this.sidecar.publish(event.topic, event.subject, text);
      }
      case 'wait': {
        await this.#waiting(operation.event, order).promise;
        this.#handled.delete(idOf(operation.event, order));
        return;
      }
      case 'call': {
        const call = recording.calls[operation.call];
        if (call === undefined) throw new Error('a call is not in the recording');
        return this.sidecar.call(call, idOf(operation.call, order).padEnd(ID_LENGTH, '_'));
      }
      case 'request': {
        const requested = recording.requests[operation.request];
        if (requested === undefined) throw new Error('a request is not in the recording');
        return this.sidecar.request(
          requested,
          idOf(operation.request, order).padEnd(ID_LENGTH, '_'),
        );
      }
      case 'send':
        return this.sidecar.send(
          operation.binding,
          fill(operation.message, operation.number, order),
        );
    }
  }

  #waiting(event: number, order: Order): PromiseWithResolvers<unknown> {
    const id = idOf(event, order);
    const waiting = this.#handled.get(id) ?? Promise.withResolvers<unknown>();
    this.#handled.set(id, waiting);
    return waiting;
  }

  /**
   * The lock between the read and the write of a document, as in the kit: without it, two orders of one
   * customer would conflict, and retries are not part of the recording.
   */
  async #hold(key: string): Promise<() => void> {
    const before = this.#queues.get(key);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#queues.set(key, promise);
    await before;
    return () => {
      if (this.#queues.get(key) === promise) this.#queues.delete(key);
      resolve(undefined);
    };
  }
}
