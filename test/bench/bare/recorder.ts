import { type DescMethodUnary, type MessageShape, fromBinary, toBinary } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { Metadata } from '@grpc/grpc-js';
import { systemClock } from '#kit/core/clock';
import { type CloudEvent } from '#kit/messages/cloud-event';
import { KitConfig } from '#kit/core/config';
import { callContextToMetadata, setPublished } from '#kit/adapters/dapr/metadata';
import { unaryDefinition } from '#kit/adapters/dapr/grpc-adapter';
import { requestRefusalTrailer } from '#kit/adapters/dapr/status';
import { createFlags } from '#kit/flags/flags';
import { ServiceRuntime } from '#kit/runtime/service-runtime';
import { silentLog } from '#kit/core/log';
import { Metrics } from '#kit/core/metrics';
import { OPEN_BUS } from '#kit/testing/open-bus';
import type { AnyService } from '#kit/service/service';
import type { CallResponse, CallRequest, StoredValue, Sidecar } from '#kit/transport/sidecar';
import type { FakeEndpoint } from '#kit/testing/fakes';
import type { Asked, MadeCall, SaidEvent, Scope, Template } from './recording';
import { Tape, onTape, tapeHere } from './tape';

/** The operations since the recording began. */
export class Take {
  readonly events: SaidEvent[] = [];
  readonly calls: MadeCall[] = [];
  readonly requests: Asked[] = [];
  /** The documents that each service touched. */
  readonly keys = new Map<string, Set<string>>();
  sends = 0;
}

const FLAGS_FILE = KitConfig.shape.FLAGS_FILE.parse(undefined);

/** Services in memory, one process each, with all operations on their sidecars recorded. */
export class Recorder {
  readonly hosts = new Map<string, ServiceRuntime>();
  take = new Take();
  readonly #flags = createFlags({ file: FLAGS_FILE, log: silentLog });
  readonly #deliveries = new Set<Promise<unknown>>();

  constructor(
    readonly services: readonly AnyService[],
    private readonly endpoints: Readonly<Record<string, FakeEndpoint>>,
    env: Readonly<Record<string, string>>,
  ) {
    for (const service of services) {
      const { config } = service.definition;
      this.hosts.set(
        service.name,
        new ServiceRuntime(service, {
          sidecar: this.#sidecarOf(service),
          clock: systemClock,
          random: Math.random,
          log: silentLog,
          metrics: new Metrics(),
          flags: this.#flags,
          ...OPEN_BUS,
          config: config?.parse(env),
        }),
      );
    }
  }

  host(app: string): ServiceRuntime {
    const runtime = this.hosts.get(app);
    if (runtime === undefined) throw new Error(`${app} is not recorded`);
    return runtime;
  }

  /** Settles when every event is handled. */
  async settled(): Promise<void> {
    while (this.#deliveries.size > 0) await Promise.all(this.#deliveries);
  }

  async close(): Promise<void> {
    await this.#flags.close();
  }

  #sidecarOf({ name: app, subscribesTo }: AnyService): Sidecar {
    const documents = new Map<string, { text: string; etag: string }>();
    const touch = (key: string) => {
      const keys = this.take.keys.get(app) ?? new Set<string>();
      this.take.keys.set(app, keys.add(key));
    };
    // which entity a document belongs to shows when another order is recorded
    const scope: Scope = 'order';
    return {
      load: (key) => {
        touch(key);
        const was = documents.get(key);
        const operation = { do: 'load', key, scope, forUpdate: false, was: was?.text } as const;
        return tapeHere().record(operation, async (): Promise<StoredValue | undefined> => {
          const now = documents.get(key);
          return now && { value: JSON.parse(now.text), etag: now.etag };
        });
      },
      loadMany: (keys) => {
        const loads = keys.map((key) => {
          touch(key);
          const was = documents.get(key)?.text;
          return { do: 'load', key, scope, forUpdate: false, was } as const;
        });
        return tapeHere().record({ do: 'loadMany', loads }, async () => {
          const values = new Map<string, StoredValue>();
          for (const key of keys) {
            const now = documents.get(key);
            if (now) values.set(key, { value: JSON.parse(now.text), etag: now.etag });
          }
          return values;
        });
      },
      save: (key, value, etag, _timeout, ttlSeconds) => {
        touch(key);
        const text = JSON.stringify(value);
        const ttl = ttlSeconds === undefined ? {} : { ttlSeconds };
        return tapeHere().record({ do: 'save', key, scope, value: text, ...ttl }, async () => {
          const now = documents.get(key);
          if (now?.etag !== etag) return false;
          documents.set(key, { text, etag: String(Number(etag ?? 0) + 1) });
          return true;
        });
      },
      publish: (event) => {
        const index = this.take.events.length;
        const topic = event.type;
        const message = templateOf(JSON.stringify(event), event.id);
        const publishedEvents = {
          topic,
          subject: event.subject,
          message,
          awaited: false,
          heard: {},
        };
        this.take.events.push(publishedEvents);
        const tape = tapeHere();
        return tape.record({ do: 'publish', event: index }, async () => {
          const isOwn = subscribesTo.some(({ type, kind }) => type === topic && kind === 'command');
          const { handled } = isOwn ? tape.mayWaitFor(index) : { handled: () => {} };
          this.#deliver(event, publishedEvents, handled);
        });
      },
      call: (call) => {
        const index = this.take.calls.length;
        // its place in the sequence; its result is known at its end
        this.take.calls.push(unanswered(call.appId));
        return tapeHere().record({ do: 'call', call: index }, () => this.#call(call, index));
      },
      stream: () => {
        throw new Error('an order has no streams');
      },
      send: (binding, operation, data, metadata) => {
        const { fileName = '' } = metadata;
        const message = templateOf(JSON.stringify({ operation, data, metadata }), fileName);
        const sent = { do: 'send', binding, number: this.take.sends++, message } as const;
        return tapeHere().record(sent, async () => {});
      },
      request: (endpoint, request) => {
        const index = this.take.requests.length;
        const { method, path, headers = {} } = request;
        const body = request.body === undefined ? undefined : JSON.stringify(request.body);
        const requested = { endpoint, method, path, headers, body };
        // its place in the sequence; its result is known at its end
        this.take.requests.push({ ...requested, status: 0, answer: '' });
        return tapeHere().record({ do: 'request', request: index }, async () => {
          const answer = await this.endpoints[endpoint]?.(request);
          if (answer === undefined) throw new Error(`${endpoint} is not recorded`);
          const { status } = answer;
          this.take.requests[index] = { ...requested, status, answer: JSON.stringify(answer.body) };
          return answer;
        });
      },
      delete: (key) => {
        touch(key);
        return tapeHere().record({ do: 'erase', key, scope }, async () => {
          documents.delete(key);
        });
      },
      // a confirmed order has none of these; if it had, they would have to be replayed
      publishAll: () => Promise.reject(new Error('a batch is not recorded')),
      schedule: () => Promise.reject(new Error('a job is not recorded')),
      unschedule: () => Promise.reject(new Error('the end of a job is not recorded')),
    };
  }

  #deliver(event: CloudEvent, publishedEvents: SaidEvent, handled: () => void): void {
    for (const { name, subscribesTo } of this.services) {
      if (!subscribesTo.some(({ type }) => type === event.type)) continue;
      const tape = new Tape();
      // as received: numbers in extensions are text by then, which every service parses
      const copy = JSON.parse(JSON.stringify(event)) as Record<string, unknown>;
      const deliver = () => this.host(name).deliver(copy, event.type);
      const delivery = onTape(tape, deliver).then((outcome) => {
        if (outcome !== 'SUCCESS') throw new Error(`${name} has not handled ${event.type}`);
        tape.endOfWait();
        publishedEvents.heard[name] = tape.steps;
        handled();
        this.#deliveries.delete(delivery);
      });
      this.#deliveries.add(delivery);
    }
  }

  async #call<M extends DescMethodUnary>(
    call: CallRequest<M>,
    index: number,
  ): Promise<CallResponse<M>> {
    const { appId: app, method, request, callContext } = call;
    const sent = toBinary(method.input, request);
    const metadata = callContextToMetadata(callContext, app);
    requestRefusalTrailer(metadata);
    const tape = new Tape();
    const arrived = fromBinary(method.input, sent);
    const { response, published } = await onTape(tape, () =>
      this.host(app).handleCall(method, arrived as MessageShape<M['input']>, callContext),
    );
    tape.endOfWait();
    const answered = toBinary(method.output, create(method.output, { ...response }));
    const trailers = new Metadata();
    setPublished(trailers, published);
    this.take.calls[index] = {
      app,
      path: unaryDefinition(method).path,
      metadata: textsOf(metadata),
      request: Buffer.from(sent).toString('base64'),
      response: Buffer.from(answered).toString('base64'),
      trailers: textsOf(trailers),
      steps: tape.steps,
    };
    // read by this very method
    return {
      response: fromBinary(method.output, answered) as MessageShape<M['output']>,
      published,
    };
  }
}

function unanswered(app: string): MadeCall {
  return { app, path: '', metadata: {}, request: '', response: '', trailers: {}, steps: [] };
}

/** gRPC metadata: the values that the kit sets are text. */
function textsOf(metadata: Metadata): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata.getMap())) texts[name] = String(value);
  return texts;
}

function templateOf(text: string, id: string): Template {
  const at = text.indexOf(`"${id}"`);
  if (id === '' || at < 0) throw new Error('there is no id in a message');
  return {
    before: text.slice(0, at + 1),
    after: text.slice(at + 1 + id.length),
    length: id.length,
  };
}
