import type { Clock } from '../core/clock';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import type { BegunCommands } from '../delivery/begun-commands';
import type { CommandResults } from '../delivery/command-results';
import type { Publishes } from '../delivery/event-gate';
import type { FlagSource } from '../flags/flags';
import type { EventSignatures } from '../messages/event-signatures';
import type { Definition } from '../service/definition';
import type { ReadModelStore } from '../read-store/read-model-store';
import type { ReadStore } from '../read-store/read-store';
import type { DocumentStore } from '../state/document-store';
import type { Sidecar } from '../transport/sidecar';

/** The dependencies of a ServiceRuntime. */
export interface RuntimeDeps {
  readonly sidecar: Sidecar;
  readonly clock: Clock;
  /** At least 0 and less than 1. Spreads the retries of concurrent writers of a document. */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly flags: FlagSource;
  readonly publishes: Publishes;
  readonly signatures: EventSignatures;
  /** The database of the read model, if the service has one. */
  readonly readStore?: ReadStore;
  /** The configuration, parsed with the schemas of the kit and the service. */
  readonly config: unknown;
}

/** The dependencies of contexts. The contexts of one process share them. */
export interface ContextDeps extends RuntimeDeps {
  /** The app id of the service. */
  readonly name: string;
  readonly definition: Definition;
  readonly documents: DocumentStore;
  readonly results: CommandResults;
  readonly begunCommands: BegunCommands;
  /** The in-process state of the definition, by name. */
  readonly processMemory: Readonly<Record<string, object>>;
  readonly readModel: ReadModelStore<unknown> | undefined;
}
