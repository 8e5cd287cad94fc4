import type { Bus, State } from '../harness/transports';
import { batches } from './batches';
import type { Behaviour, Facts } from './behaviour';
import { backlog } from './backlog';
import { brokerAway, brokerRestarts } from './broker-faults';
import { contents } from './contents';
import { crashes, slow } from './crashes';
import { duplicates, early, retries, sharing } from './delivery';
import { type Difference, differences, storeDifferences } from './differences';
import { deadLetters, outage } from './failures';
import { order } from './order';
import { requests } from './requests';
import type { BrokerFixture } from './broker-fixture';
import * as stores from './stores/documents';
import type { StoreFixture } from './stores/store-fixture';
import { restart } from './stores/restart';
import { versions } from './versions';

/** These do not disturb each other, and mostly wait: a test runs them concurrently. */
const calm = { retries, duplicates, early, contents, requests, batches, versions } as const;
/** These run concurrently too, but they restart or delay services that the first group depends on. */
const patient = { slow, deadLetters, outage } as const;

/** The behaviours of a broker, in the order in which they run. */
export const behaviours = {
  ...calm,
  ...patient,
  sharing,
  crashes,
  order,
  brokerAway,
  brokerRestarts,
  backlog,
} as const;

/** The behaviours of a document store. */
export const storeBehaviours = {
  createIfAbsent: stores.createIfAbsent,
  conflict: stores.conflict,
  gone: stores.gone,
  marks: stores.marks,
  expiry: stores.expiry,
  lasting: stores.lasting,
  contents: stores.contents,
  manyWriters: stores.manyWriters,
  restart,
} as const;

export type BehaviourName = keyof typeof behaviours;
export type StoreBehaviourName = keyof typeof storeBehaviours;

type Row = readonly [BehaviourName, Behaviour<BrokerFixture>];

// Object.entries loses the types of the names.
export const suite = Object.entries(behaviours) as Row[];
const isIn =
  (group: object) =>
  ([name]: Row) =>
    name in group;
const rest = suite.filter((row) => !isIn(calm)(row) && !isIn(patient)(row)).map((row) => [row]);
/** The suite in groups. The behaviours of a group may run concurrently. */
export const phases: readonly (readonly Row[])[] = [
  suite.filter(isIn(calm)),
  suite.filter(isIn(patient)),
  ...rest,
];
/** The groups for measuring figures: only behaviours that do nothing but wait run concurrently. */
export const phasesToMeasure: readonly (readonly Row[])[] = [
  ...suite.filter(isIn(calm)).map((row) => [row]),
  suite.filter(isIn(patient)),
  ...rest,
];
export const storeSuite = Object.entries(storeBehaviours) as [
  StoreBehaviourName,
  Behaviour<StoreFixture>,
][];

/** The expected facts of a behaviour on a broker. */
export const expected = (name: BehaviourName, bus: Bus): Facts =>
  differing(behaviours[name], differences[bus][name]);

/** The expected facts of a behaviour on a store. */
export const expectedOfStore = (name: StoreBehaviourName, state: State): Facts =>
  differing(storeBehaviours[name], storeDifferences[state][name]);

const differing = ({ holds }: { readonly holds: Facts }, difference?: Difference): Facts => ({
  ...holds,
  ...difference?.facts,
});
