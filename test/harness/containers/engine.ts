import type { Container } from '../../../scripts/start/servers.mjs';

/** A server in a container, to be reached on this machine by a port that was chosen for it. */
export interface ContainerSpec extends Container {
  readonly name: string;
  readonly front: number;
}

/** A container that was made: what it has on its disk stays until it is removed. */
export interface EngineContainer {
  /** Of its first process, as this machine counts; 0 where it does not run. */
  pid(): Promise<number>;
  start(): Promise<void>;
  /** Asks it to end, and waits until it has. */
  stop(): Promise<void>;
  /** Sends a signal; for SIGKILL, waits until it has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  remove(): Promise<void>;
}

/** What runs containers: a Docker engine, or in a test its double. */
export interface Engine {
  /** Whether it has an image, or can get it. */
  has(image: string): Promise<boolean>;
  /** Makes a container and starts it. */
  run(spec: ContainerSpec): Promise<EngineContainer>;
}
