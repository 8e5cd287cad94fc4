import type { Execution } from '../core/execution';

/** Creates one member of a lazy object for an execution. */
export type LazyFactory = (execution: Execution) => unknown;

/**
 * Returns a class whose members are created on first use, each once per instance. An execution uses few
 * members of its context, and a context is created for every execution: so the factories are in the
 * class and an instance holds only the members that were used.
 */
export function lazyObject(factories: Readonly<Record<string, LazyFactory>>) {
  class LazyObject {
    // not a # field: a getter may run on an object that inherits from this one
    private readonly created: Record<string, unknown> = {};

    constructor(private readonly execution: Execution) {}

    member(name: string, create: LazyFactory): unknown {
      return (this.created[name] ??= create(this.execution));
    }
  }
  for (const [name, create] of Object.entries(factories)) {
    Object.defineProperty(LazyObject.prototype, name, {
      enumerable: true,
      get(this: LazyObject) {
        return this.member(name, create);
      },
    });
  }
  return LazyObject;
}
