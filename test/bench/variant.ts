import type { Cpu } from './cpu';

/** One way to carry out the same order, in processes of its own, so that it can be compared. */
export interface Variant {
  /** As the tables name it: `ours`, `direct`, `bare`, `workflow`. */
  readonly name: string;
  /** Starts all its processes, and prepares what orders need. Once; after `stop`, again. */
  start(): Promise<void>;
  /** Settles when the order is confirmed; throws where it is not. Of orders in flight `n` differs. */
  placeOrder(n: number): Promise<void>;
  /** Settles when nothing is left to do for the orders so far: every event of theirs is handled. */
  settled(): Promise<void>;
  /** Of every process that works for an order; the one that measures is none of them. */
  cpu(): Cpu;
  /** Stops all its processes (SIGSTOP): then it takes nothing from the arm that is measured. */
  pause(): void;
  /** Lets them go on. The driver places orders until some work before it measures again. */
  resume(): Promise<void>;
  /** Ends its processes, and removes what they wrote. */
  stop(): Promise<void>;
}
