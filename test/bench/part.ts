import type { z } from 'zod';

/** `quick` shows that everything works; only `full` measures meaningful figures. */
export type Effort = 'full' | 'quick';

/** A target, and what was measured. */
export interface Aim {
  readonly aim: string;
  readonly measured: string;
  readonly met: boolean;
}

/** A part of the benchmark, which can be run alone: `npm run bench -- <name>`. */
export interface Part<S extends z.ZodType = z.ZodType> {
  /** The schema of its result: plain data, kept in a file so that parts can be run one by one. */
  readonly result: S;
  run(effort: Effort, log: (line: string) => void): Promise<z.output<S>>;
  /** A chapter of docs/performance.md, without its title. */
  report(result: z.output<S>): string[];
  readonly title: string;
  aims(result: z.output<S>): Aim[];
}

/** A part, checked against the type of its own result. */
export const part = <S extends z.ZodType>(given: Part<S>): Part<S> => given;
