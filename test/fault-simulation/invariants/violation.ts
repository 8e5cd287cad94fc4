import type { Books, Letter } from '../books';
import type { Clients } from '../clients';
import type { Stage } from '../stage';

/** What must hold once nothing is left to happen. */
export const INVARIANTS = {
  pieces: 'available + reserved + sold = initial + adjusted, and sold is what is confirmed',
  money: 'what was captured and not given back is what confirmed orders cost',
  ending: 'each accepted order is confirmed, or cancelled, released and given back',
  answers: 'the same key has the same answer, and no other request is answered under it',
  events: 'what was committed is said, once, and each accepted order has one terminal event',
  notifications: 'each event is told once by each of its channels',
  availability: 'what the catalogue shows is what the stock has',
  'dead letters': 'only what may work later is a dead letter, and its replay ends it',
  sequence: 'of one thing, what is said later has the higher number',
  reservations: 'nothing is held for an order that has ended',
  foreseen: 'no handler fails in a way that nobody foresaw',
  quiescence: 'it comes to an end',
} as const;
export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  /** Of which order; empty where it is of none. */
  readonly orderId: string;
  readonly text: string;
}

/** What the invariants are checked on. */
export interface Evidence {
  /** At the end, after dead letters were replayed and each client asked once more. */
  readonly books: Books;
  /** The dead letters that there were before that. */
  readonly letters: readonly Letter[];
  readonly clients: Clients;
  readonly stage: Stage;
}

/** Collects what is wrong. */
export class Findings {
  readonly violations: Violation[] = [];

  constructor(private readonly invariant: Invariant) {}

  /** Notes a violation where these two are not the same. */
  equal(found: unknown, expected: unknown, what: string, orderId = ''): void {
    if (found === expected) return;
    this.add(`${what} is ${String(found)} instead of ${String(expected)}`, orderId);
  }

  add(text: string, orderId = ''): void {
    this.violations.push({ invariant: this.invariant, orderId, text });
  }
}
