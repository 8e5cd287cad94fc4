import type { Bus } from '../harness/transports';
import type { Behaviour, Facts } from './behaviour';
import { brokerAway, brokerRestarts } from './broker-faults';
import { contents } from './contents';
import { crashes, slow } from './crashes';
import { duplicates, early, retries, sharing } from './delivery';
import { differences } from './differences';
import { deadLetters } from './failures';
import { backlog, order } from './flow';

/** All behaviours, in the order in which they are looked at. */
export const behaviours = {
  sharing,
  retries,
  deadLetters,
  crashes,
  duplicates,
  early,
  slow,
  contents,
  order,
  brokerAway,
  brokerRestarts,
  backlog,
} as const;

export type BehaviourName = keyof typeof behaviours;

// Object.entries does not know the names of what it is given
export const suite = Object.entries(behaviours) as [BehaviourName, Behaviour][];

/** What is to be seen of a behaviour on a broker. */
export function expected(name: BehaviourName, bus: Bus): Facts {
  return { ...behaviours[name].holds, ...differences[bus][name]?.facts };
}
