import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';

interface Parts<T> {
  readonly name: string;
  readonly about: string;
  readonly input: fc.Arbitrary<T>;
  /** Throws if a property does not hold. */
  readonly check: (input: T) => void | Promise<void>;
  /** How many times slower than a pure function one input is, such as a request over a socket. */
  readonly cost: number;
  readonly close?: () => Promise<void>;
}

/** A parser of what comes from outside, and what has to hold for every input. */
export interface Target extends Pick<Parts<unknown>, 'name' | 'about' | 'cost' | 'close'> {
  /** Checks it with a number of inputs. Returns undefined if all properties hold. */
  readonly fuzz: (options: FuzzOptions) => Promise<FuzzFailure | undefined>;
}

export function target<T>(parts: Parts<T>): Target {
  const { name, about, cost, close } = parts;
  const fuzz = (options: FuzzOptions) => run(parts, options);
  return { name, about, cost, fuzz, ...(close === undefined ? {} : { close }) };
}

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
  /** One run of the seed, as it was printed when it failed. */
  readonly path?: string | undefined;
}

/** A failed run: `text` names the seed, the path and the smallest input that fails. */
export interface FuzzFailure {
  readonly seed: number;
  readonly path: string;
  readonly text: string;
}

async function run<T>(
  { name, input, check }: Parts<T>,
  { runs, seed, path }: FuzzOptions,
): Promise<FuzzFailure | undefined> {
  const prototypes = snapshotOfPrototypes();
  const property = fc.asyncProperty(input, async (value) => {
    await check(value);
    if (!isDeepStrictEqual(snapshotOfPrototypes(), prototypes)) {
      throw new Error('a prototype of the process was changed');
    }
  });
  const details = await fc.check(property, {
    numRuns: runs,
    seed,
    ...(path === undefined ? {} : { path }),
  });
  if (!details.failed) return undefined;
  const { counterexample, counterexamplePath, errorInstance } = details;
  const shown = counterexample === null ? 'none' : fc.stringify(counterexample[0]);
  const cause = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  const failedPath = counterexamplePath ?? '';
  return {
    seed,
    path: failedPath,
    text: `${name} fails with seed ${seed} and path ${failedPath}\n  input: ${shown}\n  ${cause}`,
  };
}

/** The names of all properties of the prototypes that an attack would change. */
function snapshotOfPrototypes(): string[][] {
  const prototypes: object[] = [Object.prototype, Array.prototype, String.prototype];
  return prototypes.map((prototype) => Reflect.ownKeys(prototype).map(String));
}
