/** Observations by name. They are compared with the expected ones. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

/** Measured values by name, with their units, for the document. */
export type Figures = Readonly<Record<string, string>>;

/** The size of a run: small in tests, which only detect failures, and larger where figures are measured. */
export interface Size {
  /** Events of a load. */
  readonly load: number;
  /** Events of a backlog. */
  readonly backlog: number;
  /** After this time a broker with a redelivery timeout redelivers an event; see processingTimeout. */
  readonly redeliverySeconds: number;
}

export interface Observed {
  readonly facts: Facts;
  readonly figures: Figures;
}

/** A behaviour that the system depends on, with every event broker or document store. */
export interface Behaviour<Stage> {
  /** A sentence that states the behaviour. */
  readonly name: string;
  /** The expected observations on each broker or store, unless differences.ts lists others. */
  readonly holds: Facts;
  observe(broker: Stage, size: Size): Promise<Observed>;
}

export const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;
export const inMs = (milliseconds: number) => `${milliseconds.toFixed(1)} ms`;

/** The size of a run in `npm test`. */
export const TEST_SIZE: Size = { load: 200, backlog: 2_000, redeliverySeconds: 8 };
