import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerLog } from '../harness/bus/broker-log';
import type { Tracks } from './tracks';

interface Resting {
  readonly bus: BrokerLog;
  readonly tracks: Tracks;
  readonly withinMs: number;
}

/** Twice in a row, as one event handled may be another one said. */
const LOOKS = 2;
const LOOK_MS = 500;

/** Waits until nothing is in flight and each order is decided; false where the time is over before. */
export async function rest({ bus, tracks, withinMs }: Resting): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (let still = 0; still < LOOKS;) {
    if (performance.now() > end) return false;
    await sleep(LOOK_MS);
    const groups = await bus.groups().catch(() => undefined);
    const isQuiet = groups?.every(({ pending, lag }) => pending === 0 && lag === 0) ?? false;
    still = isQuiet && tracks.undecided.length === 0 ? still + 1 : 0;
  }
  return true;
}
