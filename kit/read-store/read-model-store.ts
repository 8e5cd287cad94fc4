import { randomUUID } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import { Gauge } from 'prom-client';
import { DEFAULT_TENANT } from '../core/caller';
import type { Clock } from '../core/clock';
import { unavailable } from '../core/errors';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import { readMigrations } from './migration-files';
import type { Generation, GenerationRow, Migration, ReadModel, ReadStore } from './read-store';
import type { TextIndex } from './text-index';
import { kitTables } from './vocabulary';

/** Changes the rows of a read model. It may run more than once, each time in another transaction. */
export type Write<T> = (tx: Transaction<T>, text: TextIndex) => Promise<void>;

/** A state of a subject, as an event or its owner describes it. */
export interface SubjectState {
  readonly tenant: string;
  /** The documents that `sequence` counts the changes of, such as `product`. */
  readonly stream: string;
  readonly subject: string;
  readonly sequence: number;
}

export interface SubjectEvent extends SubjectState {
  /** The id of the event. */
  readonly id: string;
  /** When it was published; ISO 8601. */
  readonly time?: string | undefined;
}

/** A part of what a generation is filled with, copied from its owner. */
export interface FillPage<T> {
  readonly entries: readonly (SubjectState & { readonly write: Write<T> })[];
  /** Where the next page begins; undefined after the last one. */
  readonly next: string | undefined;
  /** How many things were copied after this page, of how many. */
  readonly done: number;
  readonly total: number;
}

/** Returns the page at a position; at the start, the position is empty. */
export type Fill<T> = (position: string, tenants: readonly string[]) => Promise<FillPage<T>>;

interface Deps<T> {
  readonly store: ReadStore;
  readonly model: ReadModel<T>;
  /** The app id. */
  readonly name: string;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

interface Pending<T> {
  readonly event: SubjectEvent;
  readonly write: Write<T>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Events in one transaction. More make each wait longer, and save little. */
const MAX_BATCH = 100;
/** How long a process answers from a generation that another one has replaced. */
const ACTIVE_MS = 1_000;
/** How long a process that fills a generation may be silent before another continues. */
const LEASE_MS = 30_000;
/** How long one step of filling takes. The process can stop between two steps. */
const STEP_MS = 3_000;

/**
 * The read model of a service in one process: applies events, answers queries, and is built again beside the
 * generation that answers.
 *
 * An event is written to the active generation and to the one that is being filled. An event that was
 * handled before filling began is in what the owners return, because an owner stores a change before it
 * publishes it. In each generation, a state that is not newer than the applied one changes nothing: so a
 * redelivery has no effect, and the order of deliveries does not matter.
 */
export class ReadModelStore<T> {
  readonly #migrations: readonly Migration[];
  readonly #holder = randomUUID();
  readonly #tenants = new Set([DEFAULT_TENANT]);
  readonly #progress: Gauge<'model'>;
  #pending: Pending<T>[] = [];
  /** The times of events that are not applied yet. */
  readonly #waiting = new Map<string, number>();
  #isWriting = false;
  #active: { generation: number | undefined; until: number } | undefined;

  constructor(private readonly deps: Deps<T>) {
    const { name: model, metrics, clock } = deps;
    this.#migrations = readMigrations(deps.model.options.migrations);
    const waiting = this.#waiting;
    const registers = [metrics.registry];
    new Gauge({
      name: 'read_model_lag_seconds',
      help: 'Age of the oldest event that was delivered and is not in the read model; 0 if all are',
      labelNames: ['model'] as const,
      registers,
      collect() {
        const oldest = Math.min(...waiting.values(), clock.now());
        this.set({ model }, Math.max(0, clock.now() - oldest) / 1000);
      },
    });
    this.#progress = new Gauge({
      name: 'read_model_filled_ratio',
      help: 'Share of the newest generation of the read model that is filled; 1 when it answers queries',
      labelNames: ['model'] as const,
      registers,
    });
  }

  /**
   * Runs a query on the active generation. Throws UNAVAILABLE while the first one is being filled, or if the
   * database cannot be reached.
   */
  async read<R>(query: (db: Kysely<T>, text: TextIndex) => Promise<R>): Promise<R> {
    const { store } = this.deps;
    return this.#reaching(async () => {
      const generation = await this.#activeGeneration();
      if (generation === undefined) throw unavailable('the read model is being built');
      const { read } = await this.#open(generation);
      return query(read, store.text);
    });
  }

  /**
   * Applies an event, together with others that are pending: it is stored when this returns. Does nothing if
   * the state of its subject is at least as new.
   */
  async apply(event: SubjectEvent, write: Write<T>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const { clock } = this.deps;
    const published = event.time === undefined ? clock.now() : Date.parse(event.time);
    this.#waiting.set(event.id, published);
    this.#pending.push({
      event,
      write,
      resolve: () => {
        resolve(undefined);
      },
      reject,
    });
    if (!this.#isWriting) void this.#writePending();
    try {
      await promise;
      this.#waiting.delete(event.id);
    } catch (error) {
      // it is redelivered, or becomes a dead letter: in both cases it no longer waits here
      this.#waiting.delete(event.id);
      throw error;
    }
  }

  /**
   * Fills a generation for some seconds, if the active one is missing or of another version, or if a rebuild
   * was started. Then the filled generation becomes the active one. One process does it at a time.
   */
  async rebuild(fill: Fill<T>): Promise<void> {
    const building = await this.#reaching(() => this.#buildingGeneration());
    if (building === undefined || !(await this.#takeLease(building.generation))) return;
    const { generation } = building;
    const { name, clock, log } = this.deps;
    const filled = await this.#open(generation);
    const tenants = await this.#allTenants();
    const until = clock.now() + STEP_MS;
    for (let { position } = building; clock.now() < until;) {
      const { entries, next, done, total } = await fill(position, tenants);
      const { text } = this.deps.store;
      await this.#reaching(() =>
        filled.write.transaction().execute(async (tx) => {
          for (const entry of entries) {
            if (await isNewer(tx, entry, '')) await entry.write(tx, text);
          }
        }),
      );
      position = next ?? position;
      const isHeld = await this.#saveProgress(generation, { position, done, total });
      this.#progress.set({ model: name }, total === 0 ? 1 : done / total);
      log.info({ readModel: name, generation, done, total }, 'read model is being filled');
      if (!isHeld) return;
      if (next !== undefined) continue;
      await filled.optimize();
      await this.#activate(generation);
      return;
    }
  }

  /** Begins to fill a new generation, unless one is being filled. The active one answers until then. */
  async startRebuild(): Promise<GenerationRow> {
    return this.#reaching(async () => {
      const rows = await this.#generations();
      const building = rows.find(({ state }) => state === 'building');
      return building ?? (await this.#create(rows));
    });
  }

  /** The newest generation; undefined before the first. */
  async newest(): Promise<GenerationRow | undefined> {
    return this.#reaching(async () => (await this.#generations()).at(-1));
  }

  /** Whether queries are answered, for the status of the service. */
  async check(): Promise<{ name: string; ok: boolean; message: string }> {
    const name = 'read model';
    try {
      const rows = await this.#generations();
      const building = rows.find(({ state }) => state === 'building');
      const ok = rows.some(({ state }) => state === 'active');
      const message = building === undefined ? '' : `filled: ${building.done} of ${building.total}`;
      return { name, ok, message };
    } catch {
      return { name, ok: false, message: 'the database cannot be reached' };
    }
  }

  async #writePending(): Promise<void> {
    this.#isWriting = true;
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0, MAX_BATCH);
      try {
        await this.#writeAll(batch);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        if (batch.length === 1 || this.deps.store.isUnavailable(error)) {
          for (const { reject } of batch) reject(this.#asReached(error));
        } else await this.#writeEach(batch);
      }
    }
    this.#isWriting = false;
  }

  /** One event that cannot be written must not fail the others. */
  async #writeEach(batch: readonly Pending<T>[]): Promise<void> {
    for (const one of batch) {
      try {
        await this.#writeAll([one]);
        one.resolve();
      } catch (error) {
        one.reject(this.#asReached(error));
      }
    }
  }

  async #writeAll(batch: readonly Pending<T>[]): Promise<void> {
    const { store, model } = this.deps;
    for (const { event } of batch) await this.#rememberTenant(event.tenant);
    // read each time, because another process may have begun to fill one
    for (const { generation, version, state } of await this.#generations()) {
      if (version !== model.options.version || state === 'retired') continue;
      const { write } = await this.#open(generation);
      await write.transaction().execute(async (tx) => {
        for (const { event, write: change } of batch) {
          if (await isNewer(tx, event, event.id)) await change(tx, store.text);
        }
      });
    }
  }

  #open(generation: number): Promise<Generation<T>> {
    const { store, name } = this.deps;
    return store.open<T>({ model: name, generation }, this.#migrations);
  }

  /** The generations of this read model, oldest first. */
  #generations(): Promise<GenerationRow[]> {
    const { store, name } = this.deps;
    return store.control
      .selectFrom('generations')
      .selectAll()
      .where('model', '=', name)
      .orderBy('generation')
      .execute();
  }

  async #activeGeneration(): Promise<number | undefined> {
    const { clock } = this.deps;
    if (this.#active?.generation !== undefined && clock.now() < this.#active.until) {
      return this.#active.generation;
    }
    const active = (await this.#generations()).find(({ state }) => state === 'active');
    this.#active = { generation: active?.generation, until: clock.now() + ACTIVE_MS };
    return active?.generation;
  }

  /** The generation to fill, which is created if one is needed. */
  async #buildingGeneration(): Promise<GenerationRow | undefined> {
    const { version } = this.deps.model.options;
    const rows = await this.#generations();
    const current = rows.filter((row) => row.version === version);
    const building = current.find(({ state }) => state === 'building');
    if (building !== undefined) return building;
    const isActive = current.some(({ state }) => state === 'active');
    if (isActive) this.#progress.set({ model: this.deps.name }, 1);
    return isActive ? undefined : this.#create(rows);
  }

  async #create(rows: readonly GenerationRow[]): Promise<GenerationRow> {
    const { store, model, name } = this.deps;
    const row: GenerationRow = {
      model: name,
      generation: (rows.at(-1)?.generation ?? 0) + 1,
      version: model.options.version,
      state: 'building',
      done: 0,
      total: 0,
      position: '',
      holder: '',
      lease: 0,
    };
    // another process may create it at the same time
    await store.control
      .insertInto('generations')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return row;
  }

  async #takeLease(generation: number): Promise<boolean> {
    const { store, name, clock } = this.deps;
    const holder = this.#holder;
    const now = clock.now();
    const { numUpdatedRows } = await store.control
      .updateTable('generations')
      .set({ holder, lease: now + LEASE_MS })
      .where('model', '=', name)
      .where('generation', '=', generation)
      .where((where) => where.or([where('holder', '=', holder), where('lease', '<', now)]))
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Returns false if another process has taken over. */
  async #saveProgress(
    generation: number,
    progress: Pick<GenerationRow, 'position' | 'done' | 'total'>,
  ): Promise<boolean> {
    const { store, name, clock } = this.deps;
    const { numUpdatedRows } = await store.control
      .updateTable('generations')
      .set({ ...progress, lease: clock.now() + LEASE_MS })
      .where('model', '=', name)
      .where('generation', '=', generation)
      .where('holder', '=', this.#holder)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Lets a generation answer queries. The one before it is kept: other processes may still read it. */
  async #activate(generation: number): Promise<void> {
    const { store, name, log } = this.deps;
    await store.control.transaction().execute(async (tx) => {
      const change = (state: GenerationRow['state']) =>
        tx.updateTable('generations').set({ state }).where('model', '=', name);
      await change('retired').where('state', '=', 'active').execute();
      await change('active').where('generation', '=', generation).execute();
    });
    this.#active = undefined;
    this.#progress.set({ model: name }, 1);
    log.info({ readModel: name, generation }, 'read model answers queries');
    const retired = (await this.#generations()).filter(({ state }) => state === 'retired');
    for (const { generation: old } of retired.slice(0, -1)) {
      await store.drop({ model: name, generation: old });
      await store.control
        .deleteFrom('generations')
        .where('model', '=', name)
        .where('generation', '=', old)
        .execute();
    }
  }

  /** Tenants whose events were applied. No service lists the tenants of the platform. */
  async #allTenants(): Promise<string[]> {
    const { store, name } = this.deps;
    const rows = await store.control
      .selectFrom('tenants')
      .select('tenant')
      .where('model', '=', name)
      .execute();
    return [...new Set([DEFAULT_TENANT, ...rows.map(({ tenant }) => tenant).sort()])];
  }

  async #rememberTenant(tenant: string): Promise<void> {
    if (this.#tenants.has(tenant)) return;
    const { store, name: model } = this.deps;
    await store.control
      .insertInto('tenants')
      .values({ model, tenant })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    this.#tenants.add(tenant);
  }

  async #reaching<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      throw this.#asReached(error);
    }
  }

  #asReached(error: unknown): unknown {
    if (!this.deps.store.isUnavailable(error)) return error;
    return unavailable('the database of the read model cannot be reached', { cause: error });
  }
}

/** Records a state as the newest of its subject. Returns false if the recorded one is at least as new. */
async function isNewer<T>(
  tx: Transaction<T>,
  { tenant, stream, subject, sequence }: SubjectState,
  event: string,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows = 0n } = await kitTables(tx)
    .insertInto('applied')
    .values({ stream: `${tenant}/${stream}`, subject, sequence, event })
    .onConflict((conflict) =>
      conflict
        .columns(['stream', 'subject'])
        .doUpdateSet({ sequence, event })
        .where('applied.sequence', '<', sequence),
    )
    .executeTakeFirst();
  return numInsertedOrUpdatedRows > 0n;
}
