import { Crash, type MemoryTransport } from './memory-transport';

/** A testbed of any service. */
interface AnyTestbed {
  readonly sidecar: MemoryTransport;
  restart(): void;
}

/** More attempts than any test needs: none kills a process that often. */
const MAX_ATTEMPTS = 5;

/**
 * Repeats work until it is acknowledged, as a bus does, and restarts the process after a crash. Throws
 * any other error of the work.
 */
export async function deliverUntilAcknowledged<B extends AnyTestbed>(
  bed: B,
  work: (bed: B) => Promise<unknown>,
): Promise<void> {
  for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
    if (bed.sidecar.dead) bed.restart();
    try {
      if ((await work(bed)) === 'SUCCESS') return;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }
  throw new Error('never acknowledged');
}

/** Runs other work to its end after the n-th effect of a process, before the process continues. */
export function interleaveAfterEffect(
  bed: AnyTestbed,
  n: number,
  work: () => Promise<unknown>,
): void {
  bed.sidecar.onEffect = async (effect) => {
    if (effect === n) await work();
  };
}
