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

export interface Observed {
  readonly facts: Facts;
  readonly figures: Figures;
}

/** Something that a system rests on, whatever broker carries its events or store keeps its documents. */
export interface Behaviour<Stage> {
  /** A sentence about what is to be seen. */
  readonly name: string;
  /** What is to be seen on each broker, or store, that differences.ts does not name. */
  readonly holds: Facts;
  observe(stage: Stage, size: Size): Promise<Observed>;
}

export const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;
export const inMs = (milliseconds: number) => `${milliseconds.toFixed(1)} ms`;

/** What `npm test` does of it. */
export const TEST_SIZE: Size = { load: 200, backlog: 2_000, redeliverySeconds: 8 };
