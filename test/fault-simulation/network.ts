import {
  type DescMethodUnary,
  type MessageInitShape,
  create,
  fromBinary,
  toBinary,
} from '@bufbuild/protobuf';
import { Code, type MicroserviceError, unavailable } from '#kit/core/errors';
import type { CallResponse, CallRequest, JobRequest } from '#kit/transport/sidecar';
import type { SeededRandom } from '../tools/seeded-random';
import type { Way } from './faults';
import { CALL_ATTEMPTS, pauseAfter, timeoutOf } from './policies';
import type { SimulatedProcess } from './simulated-process';
import { silence } from './simulated-sidecar';
import type { Simulation } from './simulation';

/** Milliseconds from one process to another through two sidecars. */
const SOON_MS = 1;
const LATE_MS = 15;
/** The pause of the scheduler before it runs a failed job again: kit/adapters/dapr/sidecar.ts. */
const JOB_PAUSE_MS = 2_000;

export interface Settled<T> {
  resolve: (answer: T) => void;
  reject: (error: MicroserviceError) => void;
}

/** The answers of an app that is not simulated. */
export type Fixed = (request: unknown) => object;

/**
 * Calls between apps, as their sidecars make them: each attempt to either process of the app, retried
 * while the app is unavailable, until the caller's deadline. The call context is the same every time.
 */
export class Network {
  /** The processes of each app. */
  readonly processes = new Map<string, readonly SimulatedProcess[]>();
  readonly fixed = new Map<string, Fixed>();

  readonly #random: SeededRandom;

  constructor(private readonly simulation: Simulation) {
    this.#random = simulation.random('scheduler');
  }

  call<M extends DescMethodUnary>(
    from: string,
    random: SeededRandom,
    request: CallRequest<M>,
    settled: Settled<CallResponse<M>>,
  ): void {
    const { simulation } = this;
    const { loop, faults } = simulation;
    const call = simulation.mutant?.call?.(request) ?? request;
    const { appId, method, callContext } = call;
    const name = `${appId}.${method.localName}`;
    const fault = faults.take(`${from} call`, loop.now);
    const hit = fault?.kind === 'operation' ? fault : undefined;
    let isOver = false;
    const end = (how: string, then: () => void) => {
      if (isOver) return;
      isOver = true;
      deadline.run = undefined;
      if (simulation.trace) simulation.note(from, `call ${name}: ${how}`);
      then();
    };
    const fail = (error: MicroserviceError) => {
      end(Code[error.code].toLowerCase(), () => {
        settled.reject(error);
      });
    };
    const deadline = loop.after(callContext.deadline - loop.now, () => {
      fail(silence(appId));
    });

    const attempt = (tries: number, way: Way | undefined, ms: number) => {
      if (isOver) return;
      const again = (error: MicroserviceError) => {
        timeout.run = undefined;
        if (isOver) return;
        const retried = error.code === Code.UNAVAILABLE || error.code === Code.RESOURCE_EXHAUSTED;
        if (!retried || tries >= CALL_ATTEMPTS) {
          fail(error);
          return;
        }
        simulation.count('calls repeated');
        // a refusal means that the connection is down for a while; any other fault hits one message
        loop.after(pauseAfter(tries), () => {
          attempt(tries + 1, way === 'refused' ? way : undefined, ms);
        });
      };
      const timeout = loop.after(timeoutOf(appId), () => {
        // whether a sidecar retries after its own timeout depends on its version
        if (random.likely() && tries < CALL_ATTEMPTS) attempt(tries + 1, undefined, 0);
        else fail(silence(appId));
      });
      const back = random.delay(SOON_MS, LATE_MS);
      const there = random.delay(SOON_MS, LATE_MS) + (way === 'late' ? timeoutOf(appId) + ms : 0);
      if (way === 'silent') return;
      loop.after(there, () => {
        if (way === 'refused') {
          again(unavailable(`${appId} cannot be reached`));
          return;
        }
        this.#arrive(random, call, {
          resolve: (answer) => {
            if (way === 'lost') again(unavailable(`${appId} cannot be reached`));
            if (way === 'lost' || way === 'unanswered') return;
            loop.after(way === 'slow' ? timeoutOf(appId) * 0.9 : back, () => {
              timeout.run = undefined;
              end('answered', () => {
                settled.resolve(answer);
              });
            });
          },
          reject: (error) => {
            loop.after(back, () => {
              again(error);
            });
          },
        });
      });
    };
    attempt(1, hit?.way, hit?.ms ?? 0);
  }

  /** Runs a job that is due in any process of its app, again until it succeeds. */
  runJob(app: string, job: JobRequest): void {
    const { loop } = this.simulation;
    const again = () => {
      loop.after(JOB_PAUSE_MS, () => {
        this.runJob(app, job);
      });
    };
    const process = this.#random.pick(this.processes.get(app) ?? []);
    if (!process.isUp) {
      again();
      return;
    }
    if (this.simulation.trace) this.simulation.note(process.name, `runs the job ${job.name}`);
    process.serve(
      (runtime) =>
        runtime.runJob(job.data).then(
          () => true,
          () => false,
        ),
      (isDone) => {
        if (!isDone) again();
      },
      again,
    );
  }

  #arrive<M extends DescMethodUnary>(
    random: SeededRandom,
    { appId, method, request, callContext }: CallRequest<M>,
    settled: Settled<CallResponse<M>>,
  ): void {
    const { simulation } = this;
    const answered = (response: object, published: CallResponse<M>['published']) => {
      // as the server creates it
      const init = { ...response } as MessageInitShape<M['output']>;
      const message = create(method.output, init);
      const arrived = simulation.wire
        ? fromBinary(method.output, toBinary(method.output, message))
        : message;
      settled.resolve({ response: arrived as CallResponse<M>['response'], published });
    };
    const fixed =
      simulation.mutant?.answer?.(appId, method.localName) ?? this.fixed.get(appId)?.(request);
    if (fixed !== undefined) {
      answered(fixed, []);
      return;
    }
    const process = random.pick(this.processes.get(appId) ?? []);
    const gone = () => {
      settled.reject(unavailable(`${appId} cannot be reached`));
    };
    if (!process.isUp) {
      gone();
      return;
    }
    const arrived = simulation.wire
      ? fromBinary(method.input, toBinary(method.input, request))
      : request;
    if (simulation.trace)
      simulation.note(process.name, `handles ${method.localName} (call ${callContext.id})`);
    process.serve(
      (runtime) =>
        runtime
          .handleCall(method, arrived as CallRequest<M>['request'], process.inward(callContext))
          .then(
            (answer) => ({ answer }),
            // the runtime throws nothing else
            (error: unknown) => ({ error: error as MicroserviceError }),
          ),
      (ended) => {
        if ('answer' in ended) answered(ended.answer.response, ended.answer.published);
        else settled.reject(ended.error);
      },
      gone,
    );
  }
}
