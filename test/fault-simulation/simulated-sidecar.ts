import type { CloudEvent } from '#kit/messages/cloud-event';
import { Code, MicroserviceError, unavailable } from '#kit/core/errors';
import { type FakeEndpoint } from '#kit/testing/fakes';
import { type Memory, expiry } from '#kit/testing/memory';
import type {
  CallResponse,
  CallRequest,
  EndpointResponse,
  EndpointRequest,
  JobRequest,
  StoredValue,
  Sidecar,
} from '#kit/transport/sidecar';
import type { DescMethodUnary } from '@bufbuild/protobuf';
import type { Bus } from './bus';
import type { Fault, Operation } from './faults';
import type { Network } from './network';
import type { SimulatedProcess } from './simulated-process';
import type { Simulation } from './simulation';

/** What surrounds every process. */
export interface Surroundings {
  readonly simulation: Simulation;
  readonly bus: Bus;
  readonly network: Network;
  /** The external endpoints, by name. */
  readonly endpoints: Readonly<Record<string, FakeEndpoint>>;
}

/** Milliseconds to a sidecar and back. */
const SOON_MS = 1;
const LATE_MS = 20;

export function silence(what: string): MicroserviceError {
  return new MicroserviceError(`${what} did not answer in time`, Code.DEADLINE_EXCEEDED, {
    reason: 'timeout',
  });
}

/** A hot document keeps its last inbox entry only, as those of others have pushed out the rest. */
function withoutMarks(key: string, value: unknown): unknown {
  const isHot = key.startsWith('stocks:') || key.startsWith('list-');
  if (!isHot || typeof value !== 'object' || value === null) return value;
  if (!('marks' in value) || !Array.isArray(value.marks)) return value;
  return { ...value, marks: value.marks.slice(-1) };
}

/** The sidecar of one life of a process; each operation takes time, and may fail. */
export class SimulatedSidecar implements Sidecar {
  dead = false;

  constructor(
    private readonly process: SimulatedProcess,
    private readonly memory: Memory,
    private readonly surroundings: Surroundings,
  ) {}

  load(key: string, timeout: number): Promise<StoredValue | undefined> {
    return this.#operate('load', key, timeout, () => {
      const stored = this.#stored(key);
      if (stored === undefined) return undefined;
      return { value: JSON.parse(stored.json) as unknown, etag: stored.etag };
    });
  }

  loadMany(keys: readonly string[], timeout: number): Promise<ReadonlyMap<string, StoredValue>> {
    return this.#operate('load', keys.join(' '), timeout, () => {
      const values = new Map<string, StoredValue>();
      for (const key of keys) {
        const stored = this.#stored(key);
        if (stored === undefined) continue;
        values.set(key, { value: JSON.parse(stored.json) as unknown, etag: stored.etag });
      }
      return values;
    });
  }

  save(
    key: string,
    value: unknown,
    etag: string | undefined,
    timeout: number,
    ttlSeconds?: number,
  ): Promise<boolean> {
    const { simulation } = this.surroundings;
    // only one process writes the result of a command
    const contended =
      !key.startsWith('outcome:') &&
      simulation.faults.take(`${this.process.program.app} conflict`, simulation.loop.now) !==
        undefined;
    // the value is sent as it is now
    const text = JSON.stringify(simulation.scenario.hot ? withoutMarks(key, value) : value);
    return this.#operate('save', key, timeout, () => {
      const stored = this.#stored(key);
      if (contended && stored !== undefined) {
        this.memory.writeJson(key, stored.json, stored.expires);
      }
      if (contended || stored?.etag !== etag) {
        simulation.count('conflicts');
        return false;
      }
      // as the strictest store does it: a write keeps the time to live
      this.memory.writeJson(key, text, stored?.expires);
      if (ttlSeconds !== undefined)
        this.memory.setExpiry(key, expiry(ttlSeconds, simulation.loop.now));
      return true;
    });
  }

  delete(key: string, timeout: number): Promise<void> {
    return this.#operate('save', `${key} (erase)`, timeout, () => {
      this.memory.documents.delete(key);
    });
  }

  publish(event: CloudEvent, timeout: number): Promise<void> {
    // the event arrives after a round trip through JSON
    const copy = JSON.parse(JSON.stringify(event)) as CloudEvent;
    return this.#operate('publish', `${event.type} ${event.subject}`, timeout, () => {
      this.memory.events.push(copy);
      this.surroundings.bus.publish(copy);
    });
  }

  async publishAll(events: readonly CloudEvent[], timeout: number): Promise<void> {
    for (const event of events) await this.publish(event, timeout);
  }

  stream(): AsyncIterable<never> {
    throw new MicroserviceError('there are no streams here', Code.UNIMPLEMENTED);
  }

  call<M extends DescMethodUnary>(call: CallRequest<M>): Promise<CallResponse<M>> {
    if (this.dead) return new Promise(() => {});
    const { process } = this;
    const { network } = this.surroundings;
    return new Promise((resolve, reject) => {
      const settle = (answer: () => void) => {
        process.stepped();
        process.inside(this, answer);
      };
      const request = { ...call, callContext: process.outward(call.callContext) };
      network.call(process.program.app, process.random, request, {
        resolve: (answer) => {
          settle(() => {
            resolve(answer);
          });
        },
        reject: (error) => {
          settle(() => {
            reject(error);
          });
        },
      });
    });
  }

  send(
    binding: string,
    operation: string,
    data: unknown,
    metadata: Readonly<Record<string, string>>,
    timeout: number,
  ): Promise<void> {
    const sent = { binding, operation, data, metadata };
    return this.#operate('send', binding, timeout, () => {
      this.memory.sent.push(sent);
    });
  }

  request(endpoint: string, request: EndpointRequest, timeout: number): Promise<EndpointResponse> {
    const { endpoints } = this.surroundings;
    // request and answer make a round trip through JSON
    const text = JSON.stringify(request);
    const what = `${endpoint} ${request.method} ${request.path}`;
    const answered = this.#operate('request', what, timeout, () => {
      const answer = endpoints[endpoint]?.(JSON.parse(text) as EndpointRequest);
      // it answers right away, or with a promise that never settles
      if (answer === undefined || answer instanceof Promise) return undefined;
      return JSON.parse(JSON.stringify(answer)) as EndpointResponse;
    });
    return answered.then((answer) => answer ?? this.#silence(what, timeout));
  }

  #silence(what: string, timeout: number): Promise<never> {
    return new Promise((_, reject) => {
      this.surroundings.simulation.loop.after(timeout, () => {
        this.process.inside(this, () => {
          reject(silence(what));
        });
      });
    });
  }

  schedule(job: JobRequest, timeout: number): Promise<void> {
    const { network, simulation } = this.surroundings;
    const { app } = this.process.program;
    return this.#operate('publish', `job ${job.name}`, timeout, () => {
      this.memory.jobs.set(job.name, job);
      const due = Date.parse(job.dueTime ?? '') - simulation.loop.now;
      simulation.loop.after(due, () => {
        // another job under this name has taken its place
        if (this.memory.jobs.get(job.name) === job) network.runJob(app, job);
      });
    });
  }

  unschedule(name: string, timeout: number): Promise<void> {
    return this.#operate('publish', `no job ${name}`, timeout, () => {
      this.memory.jobs.delete(name);
    });
  }

  /** An operation: its way to the sidecar, its effect, its way back. A dead process starts none. */
  #operate<T>(operation: Operation, what: string, timeout: number, effect: () => T): Promise<T> {
    if (this.dead) return new Promise(() => {});
    if (timeout <= 0) {
      return Promise.reject(new MicroserviceError('no time is left', Code.DEADLINE_EXCEEDED));
    }
    const { process } = this;
    const { simulation } = this.surroundings;
    const { app } = process.program;
    const { loop } = simulation;
    const fault = simulation.faults.take(`${app} ${operation}`, loop.now);
    const latency = process.random.delay(SOON_MS, LATE_MS);
    const note = (how: string) => {
      if (simulation.trace) simulation.note(process.name, `${operation} ${what}: ${how}`);
    };
    return new Promise((resolve, reject) => {
      const answer = (settle: () => void) => {
        process.stepped();
        process.inside(this, settle);
      };
      const fail = (error: MicroserviceError) => {
        answer(() => {
          reject(error);
        });
      };
      if (fault?.kind !== 'operation') {
        loop.after(latency, () => {
          // a request that was sent before the kill may or may not have arrived
          if (this.dead && process.random.likely()) return;
          const value = effect();
          note(value === false ? 'conflict' : 'done');
          answer(() => {
            resolve(value);
          });
        });
        return;
      }
      this.#operateBadly(fault, timeout, latency, {
        effect: () => {
          const value = effect();
          note('takes effect');
          return value;
        },
        resolve: (value) => {
          answer(() => {
            resolve(value);
          });
        },
        cut: () => {
          note(`cut off (${fault.way})`);
          fail(unavailable(`${what} cannot be reached`));
        },
        silent: () => {
          note(`no answer (${fault.way})`);
          fail(silence(what));
        },
      });
    });
  }

  #operateBadly<T>(
    { way, ms }: Extract<Fault, { kind: 'operation' }>,
    timeout: number,
    latency: number,
    ends: { effect: () => T; resolve: (value: T) => void; cut: () => void; silent: () => void },
  ): void {
    const { loop } = this.surroundings.simulation;
    const { effect, resolve, cut, silent } = ends;
    switch (way) {
      case 'refused':
        loop.after(latency, cut);
        break;
      case 'silent':
        loop.after(timeout, silent);
        break;
      case 'lost':
        loop.after(latency, () => {
          effect();
          cut();
        });
        break;
      case 'unanswered':
        loop.after(latency, effect);
        loop.after(timeout, silent);
        break;
      case 'late':
        loop.after(timeout, silent);
        loop.after(timeout + ms, effect);
        break;
      case 'slow':
        loop.after(timeout * 0.9, () => {
          resolve(effect());
        });
        break;
    }
  }

  #stored(key: string) {
    const stored = this.memory.documents.get(key);
    return stored !== undefined && stored.expires > this.surroundings.simulation.loop.now
      ? stored
      : undefined;
  }
}
