import type { Stage } from './stage';

/** What was seen, by what was looked at; compared with what is to be seen. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

/** What was measured, for the document: with its unit. */
export type Figures = Readonly<Record<string, string>>;

/** How much is done: a test takes what shows a fault, the command what measures. */
export interface Size {
  /** Events of a load. */
  readonly load: number;
  /** Events of a backlog. */
  readonly backlog: number;
  /** After which a broker that counts it gives an event again; see processingTimeout. */
  readonly redeliverySeconds: number;
}

/** Something that a system rests on, whatever broker carries its events. */
export interface Behaviour {
  /** A sentence about what is to be seen. */
  readonly name: string;
  /** What is to be seen on each broker that differences.ts does not name. */
  readonly holds: Facts;
  observe(stage: Stage, size: Size): Promise<{ facts: Facts; figures: Figures }>;
}

export const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;
