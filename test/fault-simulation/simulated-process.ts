import type { Clock } from '#kit/core/clock';
import type { FlagSource } from '#kit/flags/flags';
import type { CallContext } from '#kit/core/call-context';
import { OPEN_BUS } from '#kit/testing/open-bus';
import { ABANDONED_MS } from '#kit/delivery/begun-commands';
import { ServiceRuntime } from '#kit/runtime/service-runtime';
import type { Log } from '#kit/core/log';
import type { Memory } from '#kit/testing/memory';
import { Metrics } from '#kit/core/metrics';
import type { AnyService } from '#kit/service/service';
import type { Sidecar } from '#kit/transport/sidecar';
import type { SeededRandom } from '../tools/seeded-random';
import type { App } from './faults';
import { SimulatedSidecar, type Surroundings } from './simulated-sidecar';

/** The first sweep of a process. */
const SWEEP_MS = 1_000;

/** The time that a process has to finish its work after SIGTERM. */
const DRAIN_MS = 25_000;

/** In half of the schedules each clock is up to this far off, as without NTP. */
const SKEW_MS = 30_000;

/** They decide nothing, and creating them is slow. */
const metrics = new Metrics();

const flags: FlagSource = {
  for: () => ({ enabled: async () => true, value: async () => undefined }),
  ready: async () => {},
  close: async () => {},
};

export interface Program {
  readonly app: App;
  readonly service: AnyService;
  /** Of each of its processes. */
  readonly config?: (replica: number) => unknown;
}

/** A process of a service: it can be killed, stopped and restarted, and has no state of its own. */
export class SimulatedProcess {
  readonly name: string;
  readonly random: SeededRandom;
  host!: ServiceRuntime;
  /** The sidecar of the current life of the process; dead after a kill. */
  life!: SimulatedSidecar;
  /** Milliseconds that its clock is ahead. */
  readonly skew: number;
  readonly #stepName: string;
  #wakesAt = 0;
  /** Requests and events without an answer yet, which fail if the process is killed. */
  readonly #unanswered = new Set<() => void>();

  constructor(
    readonly program: Program,
    readonly replica: number,
    private readonly memory: Memory,
    readonly surroundings: Surroundings,
  ) {
    this.name = `${program.app}-${replica}`;
    this.#stepName = `${this.name} step`;
    const { simulation } = surroundings;
    this.random = simulation.random(this.name);
    this.skew = simulation.skewed
      ? Math.round((simulation.random(`${this.name} clock`).next() * 2 - 1) * SKEW_MS)
      : 0;
    this.#start();
  }

  get isUp(): boolean {
    return !this.life.dead;
  }

  /** Runs code in a life of this process: now, when it continues after a stop, or never if it was killed. */
  inside(life: SimulatedSidecar, code: () => void): void {
    if (life.dead) return;
    const { loop } = this.surroundings.simulation;
    if (this.#wakesAt > loop.now) {
      loop.after(this.#wakesAt - loop.now + this.random.delay(0, 5), () => {
        this.inside(life, code);
      });
    } else {
      code();
    }
  }

  /**
   * Gives it a request or an event. `done` is called with the answer once it has left the process, `failed`
   * if the process is killed before.
   */
  serve<T>(
    work: (runtime: ServiceRuntime) => Promise<T>,
    done: (answer: T) => void,
    failed: () => void,
  ): void {
    const { life } = this;
    this.#unanswered.add(failed);
    const leave = (then: () => void) => {
      this.inside(life, () => {
        this.#unanswered.delete(failed);
        then();
      });
    };
    this.inside(life, () => {
      void work(this.host).then((answer) => {
        leave(() => {
          done(answer);
        });
      });
    });
  }

  /** A call context for other processes: the deadline is sent as the remaining time. */
  outward(callContext: CallContext): CallContext {
    return { ...callContext, deadline: callContext.deadline - this.skew };
  }

  /** A received call context, with the deadline by this process's clock. */
  inward(callContext: CallContext): CallContext {
    return { ...callContext, deadline: callContext.deadline + this.skew };
  }

  /** Counts a completed operation, and injects the fault that is due at it. */
  stepped(): void {
    const { simulation } = this.surroundings;
    const fault = simulation.faults.take(this.#stepName, simulation.loop.now);
    if (fault?.kind === 'kill') this.kill(fault.ms);
    else if (fault?.kind === 'stop') this.#stop(fault.ms);
    else if (fault?.kind === 'restart') this.#restart(fault.ms);
  }

  /** Ends this life of the process; a new one begins after a while. */
  kill(forMs: number): void {
    if (!this.isUp) return;
    const { simulation } = this.surroundings;
    this.life.dead = true;
    simulation.count('crashes');
    if (simulation.trace) simulation.note(this.name, `KILLED, back in ${forMs} ms`);
    const left = [...this.#unanswered];
    this.#unanswered.clear();
    for (const failed of left) failed();
    simulation.loop.after(forMs, () => {
      this.#start();
      if (simulation.trace) simulation.note(this.name, 'starts');
    });
  }

  #stop(forMs: number): void {
    const { simulation } = this.surroundings;
    if (simulation.trace) simulation.note(this.name, `STOPPED for ${forMs} ms`);
    this.#wakesAt = simulation.loop.now + forMs;
  }

  #restart(forMs: number): void {
    const { simulation } = this.surroundings;
    const { life } = this;
    if (simulation.trace) simulation.note(this.name, 'STOPPING, as by SIGTERM');
    const end = () => {
      if (!life.dead) this.kill(forMs);
    };
    simulation.loop.after(DRAIN_MS, end);
    void this.host.drain().then(() => {
      this.inside(life, end);
    });
  }

  #start(): void {
    const { simulation } = this.surroundings;
    const { app, service, config } = this.program;
    this.#wakesAt = 0;
    const life = new SimulatedSidecar(this, this.memory, this.surroundings);
    this.life = life;
    const sidecar: Sidecar = simulation.mutant?.sidecar?.(app, life, simulation) ?? life;
    this.host = new ServiceRuntime(simulation.mutant?.service?.(service) ?? service, {
      ...{ sidecar, clock: this.#clock(life), random: () => this.random.next() },
      ...{ log: this.#log(), metrics, flags, ...OPEN_BUS, config: config?.(this.replica) },
    });
    // a periodic look for the events of others would never end; each process looks when it starts
    void this.host.resumeParkedEvents(Infinity);
    void this.#sweep(life);
  }

  /** Sweeps for commands of processes that died: once to see them, and once when they are abandoned. */
  async #sweep(life: SimulatedSidecar): Promise<void> {
    const { host } = this;
    const clock = this.#clock(life);
    await clock.sleep(SWEEP_MS);
    await host.sweepBegunCommands();
    await clock.sleep(ABANDONED_MS);
    await host.sweepBegunCommands();
  }

  #clock(life: SimulatedSidecar): Clock {
    const { loop } = this.surroundings.simulation;
    return {
      now: () => loop.now + this.skew,
      sleep: (milliseconds, signal) =>
        new Promise((resolve, reject) => {
          const timer = loop.after(milliseconds, () => {
            this.inside(life, resolve);
          });
          signal?.addEventListener('abort', () => {
            timer.run = undefined;
            reject(new Error('the sleep was aborted'));
          });
        }),
    };
  }

  /** Notes that an event was handled or refused, as a line of the log shows it. */
  #handled(line: object): void {
    // the kit's lines about events have these fields
    const { eventId: id, type, subject } = line as Record<'eventId' | 'type' | 'subject', string>;
    const { program, surroundings } = this;
    surroundings.simulation.happened(program, { id, type, subject }, 'handled');
  }

  /** A log that collects unexpected errors and what happened to events. */
  #log(): Log {
    const { simulation } = this.surroundings;
    const nothing = () => {};
    const suspect = (line: object, message: string) => {
      if (message === 'events wait for a dependency') return;
      const failure: unknown = 'err' in line ? line.err : 'failure' in line ? line.failure : line;
      const isForeseen =
        typeof failure === 'object' &&
        failure !== null &&
        'reason' in failure &&
        failure.reason !== 'internal' &&
        failure.reason !== 'data_loss';
      if (isForeseen) return;
      const text = failure instanceof Error ? failure.stack : JSON.stringify(failure);
      simulation.unexpected.push(`${this.name}: ${message}: ${text ?? ''}`);
    };
    const log = {
      ...{ trace: nothing, debug: nothing },
      info: (line: object) => {
        if ('eventId' in line) this.#handled(line);
      },
      warn: (line: object, message: string) => {
        if ('eventId' in line && 'outcome' in line && line.outcome !== 'retried') {
          this.#handled(line);
        }
        suspect(line, message);
      },
      error: (line: object, message: string) => {
        if (message !== 'event is a dead letter') suspect(line, message);
      },
      child: () => log,
    };
    // the part of a log that the kit and the services use
    return log as unknown as Log;
  }
}
