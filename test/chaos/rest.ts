import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerLog } from '../harness/bus/broker-log';
import type { Edge } from '../e2e/edge';
import { SERVICES } from './load';
import type { OrderTracker } from './order-tracker';
import { parkedIn } from './outages';

interface Resting {
  readonly bus: BrokerLog;
  readonly tracker: OrderTracker;
  readonly admin: Edge;
  readonly withinMs: number;
}

/** Twice in a row, as handling one event may publish another. */
const QUIET_POLLS = 2;
const POLL_MS = 500;

/** Waits until no event is in flight or parked and each order is decided; false if the time is over before. */
export async function rest({ bus, tracker, admin, withinMs }: Resting): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (let quiet = 0; quiet < QUIET_POLLS;) {
    if (performance.now() > end) return false;
    await sleep(POLL_MS);
    const groups = await bus.groups().catch(() => undefined);
    const isQuiet = groups?.every(({ pending, lag }) => pending === 0 && lag === 0) ?? false;
    const parked = await Promise.all(SERVICES.map((service) => parkedIn(admin, service)));
    const isDone = tracker.undecided.length === 0 && parked.every((count) => count === 0);
    quiet = isQuiet && isDone ? quiet + 1 : 0;
  }
  return true;
}
