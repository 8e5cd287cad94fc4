import type { MicroserviceError } from '#kit/core/errors';

/** A device's stream. */
export interface DeviceStream {
  /** Sends a command; does nothing if the stream is closed. */
  readonly write: (payload: Uint8Array) => void;
  readonly end: (error: MicroserviceError) => void;
  readonly closed: AbortSignal;
}

/** The devices that are connected to this process by a stream of their own. */
export class DeviceStreams {
  readonly #streams = new Map<string, DeviceStream>();

  /** Registers a device's stream until it is closed. Returns the device's previous stream. */
  open(device: string, stream: DeviceStream): DeviceStream | undefined {
    if (stream.closed.aborted) return undefined;
    const previous = this.#streams.get(device);
    this.#streams.set(device, stream);
    stream.closed.addEventListener('abort', () => {
      if (this.#streams.get(device) === stream) this.#streams.delete(device);
    });
    return previous;
  }

  /** Sends to the device's stream, if it has one here. */
  send(device: string, payload: Uint8Array): void {
    this.#streams.get(device)?.write(payload);
  }
}
