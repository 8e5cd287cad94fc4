import { Crash, type MemoryTransport } from './memory-transport';

/** A testbed, whatever its service is. */
interface Bed {
  readonly sidecar: MemoryTransport;
  restart(): void;
}

/** More often than any test kills a process. */
const TRIES = 5;

/**
 * Gives some work until it is acknowledged, as a bus does; the process starts again where it died.
 * Throws what else the work throws.
 */
export async function deliverUntilAcknowledged<B extends Bed>(
  bed: B,
  work: (bed: B) => Promise<unknown>,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    if (bed.sidecar.dead) bed.restart();
    try {
      if ((await work(bed)) === 'SUCCESS') return;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }
  throw new Error('never acknowledged');
}

/** Runs, after the n-th effect of a process and before it goes on, all of `meanwhile`. */
export function interleaveAfterEffect(
  bed: Bed,
  n: number,
  meanwhile: () => Promise<unknown>,
): void {
  bed.sidecar.onEffect = async (effect) => {
    if (effect === n) await meanwhile();
  };
}
