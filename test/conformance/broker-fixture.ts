import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { type Caller, DEFAULT_TENANT, asService } from '#kit/core/caller';
import { systemClock } from '#kit/core/clock';
import type { CloudEvent } from '#kit/messages/cloud-event';
import type { EventSignatures } from '#kit/messages/event-signatures';
import { DaprSidecar } from '#kit/adapters/dapr/sidecar';
import type { DeadLetter } from '#kit/delivery/dead-letters';
import { type CallContext, newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { silentLog } from '#kit/core/log';
import { type RunningService, start } from '#kit/boot/run';
import { loadSigningKey } from '#kit/security/service-keys';
import { SignedEvents } from '#kit/security/signed-events';
import { EDGE, UserAssertionSigner } from '#kit/security/user-assertions';
import type { CallProofs } from '#kit/adapters/dapr/sidecar-grpc';
import { ServiceTokens } from '#kit/security/service-tokens';
import type { Sidecar } from '#kit/transport/sidecar';
import {
  OperationsService,
  ReplayDeadLetterRequestSchema,
} from '#proto/retail/operations/v1/operations_pb';
import { servers } from '../../scripts/start/servers.mjs';
import type { App } from '../harness/app';
import { choose } from '../harness/containers/choice';
import { dockerEngine } from '../harness/containers/docker';
import { appsOf } from '../harness/apps-of';
import { startSidecars } from '../harness/sidecars';
import type { AppSpec } from '../harness/start-apps';
import type { Bus } from '../harness/transports';
import { until } from '../harness/until';
import type { RunningSystem } from '../harness/running-system';
import { runtimeOn } from '../kit/sample-system';
import type { Size } from './behaviour';
import { type Entry, Ledger } from './ledger';
import {
  TaskRequest,
  type PublisherContext,
  Task,
  type WorkerContext,
  latecomer,
  publisher,
  worker,
} from './services';

const PUBLISH_MS = 5_000;
/** Ample for a busy machine and a redelivery of the broker. */
export const AMPLE_MS = 90_000;

/** What the handler of an event shall do; see services.ts. */
export type TaskOptions = Partial<
  Record<'n' | 'ms' | 'slowTimes' | 'fails', number> & {
    text: string;
    whileClosed: 'refuse' | 'fail';
  }
>;

/**
 * Services and sidecars as processes on one real broker, and a publisher: a service inside the test that
 * publishes events and sends requests.
 */
const ADMIN: Caller = { userId: 'admin', role: 'admin', tenantId: DEFAULT_TENANT };
const REPLAY = { worker: ['retail.operations.v1.OperationsService/ReplayDeadLetter'] };

export class BrokerFixture {
  /** Reads the documents of the worker, through the worker's own sidecar. */
  readonly reader: ServiceRuntime;
  readonly #readerSidecar: DaprSidecar;
  readonly #otherSidecar: DaprSidecar;

  private constructor(
    readonly system: RunningSystem,
    readonly ledger: Ledger,
    private readonly words: string,
    private readonly running: RunningService,
    /** For the output: how the broker runs. */
    readonly description: string,
    { proofs, signatures }: { proofs: CallProofs; signatures: EventSignatures },
  ) {
    this.#readerSidecar = sidecarOf(system.app('worker'), signatures, proofs);
    this.#otherSidecar = sidecarOf(system.app('worker-2'), signatures, proofs);
    this.reader = runtimeOn(worker, this.#readerSidecar, systemClock);
  }

  static async open(bus: Bus, { redeliverySeconds }: Size): Promise<BrokerFixture> {
    const folder = mkdtempSync(join(tmpdir(), 'omnichannel-conformance-'));
    const ledger = new Ledger(join(folder, 'ledger.jsonl'));
    const words = join(folder, 'words');
    mkdirSync(words);
    const [own, other] = appsOf([publisher, worker]);
    const service = (appId: string, name: string, later = false): AppSpec => ({
      ...(appId === other?.appId ? other : {}),
      ...{ appId, name, later, calls: REPLAY },
      command: [process.execPath, '--import', './scripts/typescript.mjs', MAIN],
      env: { APP_NAME: name, LEDGER_FILE: ledger.file, WORD_FOLDER: words },
    });
    const apps = [
      { ...own, appId: publisher.name },
      service('worker', 'worker'),
      service('worker', 'worker-2'),
      service('worker', 'worker-3', true),
      service('watcher', 'watcher'),
      service(latecomer.name, latecomer.name, true),
    ];
    const env = { LOG_LEVEL: 'warn' };
    const timeout = { processingTimeout: `${redeliverySeconds}s` };
    const overrides = bus === 'redis' ? { bus: timeout } : {};
    const { engine, description } = await choose(servers[bus], dockerEngine);
    const engines = engine === undefined ? {} : { [bus]: engine };
    const system = await startSidecars(apps, { bus, env, overrides, engines });
    const running = await start(publisher, {
      ...system.app(publisher.name).env,
      LOG_LEVEL: 'silent',
    });
    const keys = system.app('worker').env['SERVICE_KEYS'] ?? '';
    const tokens = await ServiceTokens.open('worker', keys, systemClock, silentLog);
    // a replay is for admins, whom the edge has authenticated
    const assertions = new UserAssertionSigner(await loadSigningKey(keys, EDGE), systemClock);
    const proofs = { tokens, assertions };
    const signatures = await SignedEvents.open(publisher.name, keys, systemClock, silentLog);
    const broker = new BrokerFixture(system, ledger, words, running, description, {
      proofs,
      signatures,
    });
    await broker.#subscribed();
    return broker;
  }

  async close(): Promise<void> {
    const sidecars = [this.#readerSidecar, this.#otherSidecar];
    await Promise.all([this.running.stop(), ...sidecars.map((sidecar) => sidecar.close())]);
    await this.system.stop();
    rmSync(dirname(this.ledger.file), { recursive: true });
  }

  get publisher(): Sidecar {
    return this.running.sidecar;
  }

  /** Sidecars for publishing in great numbers; some publish one event after another. */
  get publishers(): readonly Sidecar[] {
    return [this.publisher, this.#readerSidecar, this.#otherSidecar];
  }

  /** A context of the publisher; `replica`: of another process of it, without subscriptions. */
  begin(given: Partial<CallContext> = {}, replica = false): PublisherContext {
    const runtime = replica
      ? runtimeOn(publisher, this.publisher, systemClock)
      : this.running.runtime;
    const callContext = newCallContext(systemClock, {
      caller: asService(),
      deadline: Infinity,
      ...given,
    });
    return runtime.openContext(callContext);
  }

  /** An event with every field of the wire format and a new id. */
  event(key: string, doing: TaskOptions = {}, over: Partial<CloudEvent> = {}): CloudEvent {
    const id = randomUUID();
    const trace = id.replaceAll('-', '');
    return {
      ...{ specversion: '1.0', id, type: Task.type, source: 'publisher', subject: key },
      ...{ time: new Date().toISOString(), datacontenttype: 'application/json' },
      ...{ eventversion: 1, correlationid: `follows-${id}`, causationid: `why-${id}` },
      ...{ sequence: doing.n ?? 1, tenantid: 'default' },
      ...{ traceparent: `00-${trace}-b7ad6b7169203331-01`, traceid: trace },
      data: { key, ...doing },
      ...over,
    };
  }

  /** Publishes an event; settles when the broker has it. */
  async publish(event: CloudEvent): Promise<void> {
    await this.publisher.publish(event, PUBLISH_MS);
  }

  /** Waits until a service has handled this number of events with a key. */
  async waitForDone(
    service: string,
    key: string,
    count = 1,
    withinMs = AMPLE_MS,
  ): Promise<Entry[]> {
    const known = () => this.ledger.of(service, 'done').filter((entry) => entry.key === key);
    await until(
      `${count} × done by ${service} about ${key}`,
      () => known().length >= count,
      withinMs,
    );
    return known();
  }

  begun(id: string): Entry[] {
    return this.ledger.of('worker', 'begun').filter((entry) => entry.id === id);
  }

  /** How many times the document of a key was changed: the effect of all deliveries. */
  async count(key: string): Promise<number> {
    return (await this.tally(key))?.count ?? 0;
  }

  async tally(key: string) {
    const callContext = newCallContext(systemClock, { caller: asService(), deadline: Infinity });
    // the runtime of this very service
    const { tallies } = this.reader.openContext(callContext) as unknown as WorkerContext;
    return tallies.get(key);
  }

  /** The worker's dead letter of an event. */
  async deadLetter(id: string): Promise<DeadLetter> {
    const known = async () => (await this.letters([id]))[0];
    return until(`the dead letter of ${id}`, known, AMPLE_MS);
  }

  /** The worker's dead letters of these events. */
  async letters(ids: readonly string[]): Promise<DeadLetter[]> {
    const { letters } = await this.reader.deadLetters.page(1, 100);
    return letters.filter(({ id }) => ids.includes(id));
  }

  /** Waits until this number of events is parked by the worker. */
  async parked(count: number): Promise<void> {
    const isParked = async () => {
      const waiting = await this.reader.parkedEvents.waiting();
      return waiting.reduce((sum, { events }) => sum + events, 0) >= count;
    };
    await until(`${count} parked events`, isParked, AMPLE_MS);
  }

  /** Replays a dead letter; a sidecar finds a service that was down only after a pause. */
  async replay(id: string): Promise<boolean> {
    const asked = async () => {
      const { response } = await this.#readerSidecar.call({
        appId: 'worker',
        method: OperationsService.method.replayDeadLetter,
        request: create(ReplayDeadLetterRequestSchema, { id }),
        callContext: newCallContext(systemClock, { caller: ADMIN }),
      });
      return { response };
    };
    const { response } = await until(`${id} to be replayed`, asked, AMPLE_MS);
    return response.succeeded;
  }

  /** Stops a service gracefully, and starts it again; its sidecar keeps running. */
  async restart(name: string): Promise<void> {
    const app = this.system.app(name);
    await app.service?.stop();
    app.service?.start();
    await app.ready();
  }

  /** Fixes the cause of the failures: see `whileClosed`. */
  open(...keys: readonly string[]): void {
    for (const key of keys) writeFileSync(join(this.words, key), '');
  }

  /** Waits until all subscriptions work. */
  async #subscribed(): Promise<void> {
    const isHandled = (service: string) => this.ledger.of(service, 'done').length > 0;
    const first = async () => {
      await this.publish(this.event('first'));
      return isHandled('worker') && isHandled('watcher');
    };
    await until('the first event to be handled', first, AMPLE_MS);
    const answered = () =>
      this.begin({ deadline: Date.now() + 2_000 }).request(TaskRequest, { key: 'first' });
    await until('the first request to be answered', answered, AMPLE_MS);
  }
}

const MAIN = join('test', 'conformance', 'service-main.ts');

/** A sidecar of the worker through which the publisher publishes too. */
function sidecarOf({ plan }: App, signatures: EventSignatures, proofs: CallProofs): DaprSidecar {
  const { daprHttpPort: httpPort, daprGrpcPort: grpcPort } = plan;
  return new DaprSidecar({ host: '127.0.0.1', httpPort, grpcPort }, signatures, proofs);
}
