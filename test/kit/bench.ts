import type { Clock } from '#kit/clock';
import type { CloudEvent } from '#kit/cloud-event';
import type { Host } from '#kit/host';
import type { Sidecar } from '#kit/sidecar';

/** The two sample services, alive on one transport. */
export interface Bench {
  readonly order: { host: Host; sidecar: Sidecar };
  readonly inventory: { host: Host; sidecar: Sidecar };
  readonly clock: Clock;
  /** Puts a message on the topic of the input binding. */
  device(topic: string, payload: string): Promise<void>;
  /** Puts anything on a topic, as another program might. */
  publish(event: CloudEvent): Promise<void>;
  /** Waits until it holds; fails after a time that is ample for the transport. */
  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}
