/** Writes to a device's stream; does nothing if the stream is closed. */
type Write = (payload: Uint8Array) => void;

/** The devices that are connected to this process by a stream of their own. */
export class DeviceStreams {
  readonly #writers = new Map<string, Write>();

  /** Registers a device's stream until it is closed or the device opens another one. */
  open(device: string, write: Write, closed: AbortSignal): void {
    if (closed.aborted || this.#writers.get(device) === write) return;
    this.#writers.set(device, write);
    closed.addEventListener('abort', () => {
      if (this.#writers.get(device) === write) this.#writers.delete(device);
    });
  }

  /** Sends to the device's stream, if it has one here. */
  send(device: string, payload: Uint8Array): void {
    this.#writers.get(device)?.(payload);
  }
}
