import { z } from 'zod';
import { asService } from '#kit/core/caller';
import { systemClock } from '#kit/core/clock';
import { NO_SIGNATURES } from '#kit/messages/event-signatures';
import { DaprSidecar } from '#kit/adapters/dapr/sidecar';
import { type CallContext, newCallContext } from '#kit/core/call-context';
import { Memory } from '#kit/testing/memory';
import { MemoryTransport } from '#kit/testing/memory-transport';
import { type ContextOf, Service } from '#kit/service/service';
import type { Sidecar } from '#kit/transport/sidecar';
import { servers } from '../../../scripts/start/servers.mjs';
import { type Choice, choose } from '../../harness/containers/choice';
import { dockerEngine } from '../../harness/containers/docker';
import type { Process } from '../../harness/process';
import { startSidecars } from '../../harness/sidecars';
import type { State } from '../../harness/transports';
import { until } from '../../harness/until';
import type { RunningSystem } from '../../harness/running-system';
import { runtimeOn } from '../../kit/sample-system';

export const STEP_MS = 5_000;

const FILE: Choice = { description: 'sqlite: a file of its sidecars' };

const keeper = new Service('keeper', {
  stores: { counts: z.object({ key: z.string(), count: z.int() }) },
});

/** One process of a service with documents. */
export class StoreProcess {
  readonly #host;

  constructor(readonly sidecar: Sidecar) {
    this.#host = runtimeOn(keeper, sidecar, systemClock);
  }

  /** Adds one to the count of a key, once per call context; returns the count before. */
  async count(key: string, callContext: Partial<CallContext> = {}): Promise<number> {
    const deadline = systemClock.now() + 6 * STEP_MS;
    const given = newCallContext(systemClock, { caller: asService(), deadline, ...callContext });
    // the runtime of this very service
    const { counts } = this.#host.openContext(given) as unknown as ContextOf<typeof keeper>;
    const { outcome } = await counts.decide(key, (now) => ({
      document: { key, count: (now?.count ?? 0) + 1 },
      outcome: now?.count ?? 0,
    }));
    return outcome;
  }

  async counted(key: string): Promise<number> {
    const given = newCallContext(systemClock, { caller: asService() });
    const { counts } = this.#host.openContext(given) as unknown as ContextOf<typeof keeper>;
    return (await counts.get(key))?.count ?? 0;
  }
}

/** Two processes of one service, with one store for both. */
export class StoreFixture {
  private constructor(
    readonly one: StoreProcess,
    readonly other: StoreProcess,
    /** For the output: how the store runs. */
    readonly description: string,
    /** Absent in memory. */
    readonly server?: StoreServer,
    private readonly end: () => Promise<void> = () => Promise.resolve(),
  ) {}

  static async open(state: State): Promise<StoreFixture> {
    const { engine, description } =
      state === 'sqlite' ? FILE : await choose(servers[state], dockerEngine);
    const engines = engine === undefined ? {} : { [state]: engine };
    const system = await startSidecars(
      [{ appId: keeper.name }, { appId: keeper.name, name: 'keeper-2' }],
      { resources: ['components', 'components/state/sqlite'], state, engines },
    );
    const sidecars = system.apps.map(
      ({ plan }) =>
        new DaprSidecar(
          { host: '127.0.0.1', httpPort: plan.daprHttpPort, grpcPort: plan.daprGrpcPort },
          NO_SIGNATURES,
        ),
    );
    const [one, other] = sidecars.map((sidecar) => new StoreProcess(sidecar));
    return new StoreFixture(one!, other!, description, new StoreServer(system, state), async () => {
      await Promise.all(sidecars.map((sidecar) => sidecar.close()));
      await system.stop();
    });
  }

  /** The double of a store that tests of services use. */
  static inMemory(): StoreFixture {
    const memory = new Memory();
    const keep = () => new StoreProcess(new MemoryTransport(memory, systemClock, {}));
    return new StoreFixture(keep(), keep(), 'memory');
  }

  async close(): Promise<void> {
    await this.end();
  }
}

/** The server of the store, or for a file the sidecar of the first process. */
export class StoreServer {
  readonly process: Process;

  constructor(
    private readonly system: RunningSystem,
    private readonly state: State,
  ) {
    this.process =
      state === 'sqlite' ? system.app(keeper.name).sidecar : system.server(servers[state].program);
  }

  async end(how: 'stop' | 'kill'): Promise<void> {
    // on SIGTERM PostgreSQL waits until the last client has disconnected
    if (how === 'stop' && this.state === 'postgresql') this.process.signal('SIGINT');
    await this.process[how]();
  }

  /** Starts it as a supervisor does: again, if the remains of a killed one are in its way. */
  async start(): Promise<void> {
    await until(
      `${this.process.name} to answer`,
      async () => {
        if (!this.process.running) this.process.start();
        if (this.state !== 'sqlite')
          return servers[this.state].responds(this.system.portOf(this.state));
        await this.system.app(keeper.name).ready();
        return true;
      },
      60_000,
    );
  }
}
