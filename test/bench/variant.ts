import type { Cpu } from './cpu';

/** One way to carry out the same order, in processes of its own, for a comparison. */
export interface Variant {
  /** Its name in the tables: `ours`, `direct`, `bare`, `workflow`. */
  readonly name: string;
  /** Starts all its processes, and prepares the data of orders. Again after `stop`. */
  start(): Promise<void>;
  /** Settles when the order is confirmed; rejects if it is not. Concurrent orders have different `n`. */
  placeOrder(n: number): Promise<void>;
  /** Settles when every event of the orders so far is handled. */
  settled(): Promise<void>;
  /** The CPU of every process that works for an order, without the measuring one. */
  cpu(): Cpu;
  /** Stops all its processes (SIGSTOP), so that it takes no CPU from the measured variant. */
  pause(): void;
  /** Continues them. The driver places orders until some succeed before it measures again. */
  resume(): Promise<void>;
  /** Ends its processes, and removes their files. */
  stop(): Promise<void>;
}
