/** Sends something to a device; nothing where it is gone. */
type Send = (payload: Uint8Array) => void;

/** The devices that are connected to this process by a stream of their own. */
export class Links {
  readonly #sends = new Map<string, Send>();

  /** Until `closed`, unless the device comes by another stream before. */
  open(device: string, send: Send, closed: AbortSignal): void {
    if (closed.aborted || this.#sends.get(device) === send) return;
    this.#sends.set(device, send);
    closed.addEventListener('abort', () => {
      if (this.#sends.get(device) === send) this.#sends.delete(device);
    });
  }

  send(device: string, payload: Uint8Array): void {
    this.#sends.get(device)?.(payload);
  }
}
