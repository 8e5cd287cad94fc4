import type { Execution } from '../core/execution';

/** What a handling gets, made when it is used first. */
export type LazyFactory = (execution: Execution) => unknown;

/**
 * A class of things that consist of parts. A handling uses few of its parts, and most things are
 * opened for each: so what can be known beforehand is in the class, and a part is made on demand.
 */
export function lazyObject(makes: Readonly<Record<string, LazyFactory>>) {
  class Parts {
    // not private by #: a part may be asked for through an object that was made of this one
    private readonly made: Record<string, unknown> = {};

    constructor(private readonly execution: Execution) {}

    part(name: string, make: LazyFactory): unknown {
      return (this.made[name] ??= make(this.execution));
    }
  }
  for (const [name, make] of Object.entries(makes)) {
    Object.defineProperty(Parts.prototype, name, {
      enumerable: true,
      get(this: Parts) {
        return this.part(name, make);
      },
    });
  }
  return Parts;
}
