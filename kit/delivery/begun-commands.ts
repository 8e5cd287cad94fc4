import { z } from 'zod';
import type { Clock } from '../core/clock';
import { CloudEvent } from '../messages/cloud-event';
import { SharedValue } from '../state/shared-value';
import { SIDECAR_TIMEOUT_MS, type Sidecar } from '../transport/sidecar';

/** The documents in which the begun commands of a service are. A process chooses one of them for its own. */
const SHARDS = 4;

/**
 * A command that has been seen for this time and is still not published was begun by a process that died:
 * longer than any request.
 */
export const ABANDONED_MS = 45_000;

/** It is stored, so the field names must not change. */
const Begun = z.object({
  commands: z.array(
    z.object({
      event: CloudEvent,
      /** The key of the document that the command is about. */
      document: z.string(),
    }),
  ),
});
type Begun = z.infer<typeof Begun>;

interface Deps {
  readonly sidecar: Sidecar;
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * Commands whose document may be written and that may not be published yet. A process that dies in between
 * leaves a document that nothing else would ever finish; a sweep of any process then publishes the command.
 *
 * A command is stored before its document. Once it is published it is forgotten in memory, and removed from
 * the store with the next change or the next sweep: to publish a command again changes nothing.
 */
export class BegunCommands {
  readonly #shards: readonly SharedValue<Begun>[];
  readonly #own: SharedValue<Begun>;
  readonly #ended = new Set<string>();
  /** When this process first saw each command. */
  #seen = new Map<string, number>();

  constructor(private readonly deps: Deps) {
    this.#shards = Array.from(
      { length: SHARDS },
      (_, shard) =>
        new SharedValue(deps, `begun:${String(shard)}`, Begun, () => ({ commands: [] })),
    );
    const own = this.#shards[Math.floor(deps.random() * SHARDS)];
    if (own === undefined) throw new Error('there are no shards');
    this.#own = own;
    own.onValue = (begun) => {
      const stored = new Set(begun.commands.map(({ event }) => event.id));
      for (const id of this.#ended) if (!stored.has(id)) this.#ended.delete(id);
    };
  }

  /** Stores a command before its document, whose key is `document`. */
  async begin(event: CloudEvent, document: string): Promise<void> {
    this.#ended.delete(event.id);
    await this.#own.change((begun) => {
      // a repetition of the request begins the same command again
      remove(begun, (id) => this.#ended.has(id) || id === event.id);
      begun.commands.push({ event, document });
    });
  }

  /** The command was published, or its document was undone. */
  end(id: string): void {
    this.#ended.add(id);
  }

  /**
   * Publishes the commands of processes that died. Throws if the store or the bus fails; the next sweep
   * continues.
   */
  async sweep(publish: (event: CloudEvent) => Promise<void>): Promise<void> {
    const { clock, sidecar } = this.deps;
    const seen = new Map<string, number>();
    const stored = await SharedValue.readAll(sidecar, this.#shards);
    for (const [index, { commands }] of stored.entries()) {
      const over = new Set<string>();
      for (const { event, document } of commands) {
        const { id } = event;
        const since = this.#seen.get(id) ?? clock.now();
        seen.set(id, since);
        const isAbandoned = clock.now() - since >= ABANDONED_MS && !this.#ended.has(id);
        if (isAbandoned && (await sidecar.load(document, SIDECAR_TIMEOUT_MS)) !== undefined) {
          await publish(event);
        }
        if (isAbandoned || this.#ended.has(id)) over.add(id);
      }
      if (over.size === 0) continue;
      await this.#shards[index]?.change((begun) => {
        remove(begun, (id) => over.has(id));
      });
    }
    this.#seen = seen;
  }
}

function remove(begun: Begun, isOver: (id: string) => boolean): void {
  begun.commands = begun.commands.filter(({ event }) => !isOver(event.id));
}
