import type { Container } from '../../../scripts/start/servers.mjs';

/** The specification of a container for a server, and the port of this machine by which it is reached. */
export interface ContainerSpec extends Container {
  readonly name: string;
  readonly front: number;
}

/** A created container: its disk stays until it is removed. */
export interface EngineContainer {
  /** The pid of its first process on this machine; 0 if it is not running. */
  pid(): Promise<number>;
  start(): Promise<void>;
  /** Stops it with SIGTERM, and waits until it has ended. */
  stop(): Promise<void>;
  /** Sends a signal; after SIGKILL, waits until it has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  remove(): Promise<void>;
}

/** Runs containers: a Docker engine, or a double in a test. */
export interface Engine {
  /** Whether it has an image, or can pull it. */
  has(image: string): Promise<boolean>;
  /** Creates a container and starts it. */
  run(spec: ContainerSpec): Promise<EngineContainer>;
}
