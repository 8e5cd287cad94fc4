import {
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  create,
} from '@bufbuild/protobuf';
import type { Binding, Context, Endpoint, Jobs } from './context';
import type { Contract, RequestContract } from './contract';
import { type CloudEvent, cloudEvent } from './cloud-event';
import type { Clock } from './clock';
import { failureOf } from './dead-letters';
import type { Documents } from './documents';
import { Code, MicroserviceError } from './errors';
import type { FlagSource } from './flags';
import { type Cause, Handling, identity } from './handling';
import { asService } from './caller';
import { openFeed, openList } from './lists';
import type { Log } from './log';
import type { Metrics } from './metrics';
import type { Outcomes } from './outcomes';
import { repliesTo } from './replies';
import type { Client, Definition } from './service';
import type { Sidecar } from './sidecar';
import { readable } from './work';

/** What the contexts of one process share. */
export interface World {
  readonly sidecar: Sidecar;
  readonly clock: Clock;
  /** At least 0 and less than 1: how long one of several that meet at a document waits. */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly flags: FlagSource;
  /** The service's own part of the configuration, as its schema gave it. */
  readonly config: unknown;
}

interface Parts extends World {
  readonly name: string;
  readonly definition: Definition;
  readonly documents: Documents;
  readonly outcomes: Outcomes;
  /** What this process remembers, by name. */
  readonly memory: Readonly<Record<string, object>>;
}

const CALL_MS = 5_000;
/** A little longer than the callee lets it last, so that it is ended and not cut off. */
const STREAM_MS = 310_000;
const STEP_MS = 5_000;
/** What is left to do what is to be done where a command could not be given. */
const SPARE_MS = 1_000;
/** The first looks at an outcome that another replica may bring about, then every second. */
const LOOKS_MS = [100, 200, 400, 800];

/** Opens everything that a service declared, for one handling. */
export function openContext(parts: Parts, handling: Handling): Context<Definition> {
  const { name, definition, sidecar, clock, documents, metrics } = parts;
  const { cause } = handling;

  const client = <S extends DescService>(appId: string, service: S): Client<S> => {
    const atMost = definition.deadlines?.[appId] ?? CALL_MS;
    const methods = service.methods
      .filter((method): method is DescMethodUnary => method.methodKind === 'unary')
      .map((method) => [
        method.localName,
        async (request: Record<string, unknown>) => {
          handling.assertInTime();
          const callee = `${appId}/${method.parent.typeName}/${method.name}`;
          const answer = await sidecar.call({
            appId,
            method,
            request: create(method.input, request),
            cause: calleeCause(cause, callee, handling, clock, atMost),
          });
          handling.said.push(...answer.said);
          return answer.response;
        },
      ]);
    const streams = service.methods
      .filter(
        (method): method is DescMethodServerStreaming => method.methodKind === 'server_streaming',
      )
      .map((method) => [
        method.localName,
        (request: Record<string, unknown>, ended: AbortSignal) =>
          sidecar.stream({
            ...{ appId, method, request: create(method.input, request), ended },
            cause: { ...cause, deadline: clock.now() + STREAM_MS },
          }),
      ]);
    // built from the same descriptor that the type is derived from
    return Object.fromEntries([...methods, ...streams]) as Client<S>;
  };

  const say = async (event: CloudEvent, spareMs = 0): Promise<void> => {
    handling.assertInTime();
    const left = handling.timeFor(STEP_MS + spareMs);
    await sidecar.publish(event, Math.max(left - spareMs, left / 2));
    metrics.eventsSaid.inc({ type: event.type });
  };

  /** Says what somebody shall do, and waits for what came of it; undefined where that takes too long. */
  const outcomeOf = async (
    event: CloudEvent,
    left: (atMost: number) => number,
    give = () => say(event),
  ): Promise<{ answer: unknown } | undefined> => {
    const { done, forget } = parts.outcomes.expect(event.id);
    const waiting = new AbortController();
    try {
      await give();
      for (let look = 0; left(1) > 0; look++) {
        const here = await Promise.race([
          done.then((answer) => ({ answer })),
          clock.sleep(left(LOOKS_MS[look] ?? 1_000), waiting.signal).then(() => undefined),
        ]);
        const outcome = here ?? (await parts.outcomes.elsewhere(event.id, STEP_MS));
        if (outcome !== undefined) return outcome;
      }
      return undefined;
    } finally {
      waiting.abort();
      forget();
    }
  };

  const execute = async <R>(
    contract: Contract,
    data: unknown,
    read: () => Promise<R | undefined>,
    notGiven?: () => Promise<void>,
  ): Promise<R | undefined> => {
    const event = cloudEvent(name, contract, data, handling, clock);
    const left = (atMost: number) => (cause.respondAsync ? 0 : handling.timeFor(atMost));
    const give = async () => {
      try {
        await say(event, notGiven === undefined ? 0 : SPARE_MS);
      } catch (error) {
        await notGiven?.().catch((failure: unknown) => {
          const facts = { type: event.type, failure: failureOf(failure, 1) };
          parts.log.warn(facts, 'what was written for a command stays');
        });
        throw error;
      }
    };
    return (await outcomeOf(event, left, give)) && read();
  };

  const request = async (contract: RequestContract, data: unknown): Promise<unknown> => {
    const { type, answer } = contract;
    const until = clock.now() + handling.timeFor(definition.deadlines?.[type] ?? CALL_MS);
    const event = {
      ...cloudEvent(name, contract, data, handling, clock),
      replyto: repliesTo(name),
      expirytime: new Date(until).toISOString(),
    };
    const outcome = await outcomeOf(event, (atMost) => Math.min(atMost, until - clock.now()));
    if (outcome !== undefined) return readable(() => answer.parse(outcome.answer));
    const message = `${type} was not answered in time`;
    throw new MicroserviceError(message, Code.DEADLINE_EXCEEDED, { reason: 'timeout' });
  };

  const binding = (binding: string): [string, Binding] => [
    binding,
    {
      send: async (operation, data, metadata = {}) => {
        handling.assertInTime();
        await sidecar.send(binding, operation, data, metadata, handling.timeFor(STEP_MS));
      },
    },
  ];

  const endpoint = (endpoint: string): [string, Endpoint] => [
    endpoint,
    {
      request: async (request) => {
        handling.assertInTime();
        const ordinal = handling.ordinal(`request ${endpoint}`);
        const key = identity(cause.id, 'request', name, endpoint, ordinal);
        const headers = { 'idempotency-key': key, ...request.headers };
        const timeout = handling.timeFor(definition.deadlines?.[endpoint] ?? CALL_MS);
        return sidecar.request(endpoint, { ...request, headers }, timeout);
      },
    },
  ];

  const jobs: Jobs = {
    once: async (job, unique, dueTime, data) => {
      handling.assertInTime();
      await sidecar.schedule(
        { name: `${job}.${unique}`, dueTime, data: { job, data, cause: identity(job, unique) } },
        handling.timeFor(STEP_MS),
      );
    },
    every: async (job, schedule, data) => {
      handling.assertInTime();
      await sidecar.schedule(
        { name: job, schedule, data: { job, data } },
        handling.timeFor(STEP_MS),
      );
    },
    cancel: async (job, unique) => {
      await sidecar.unschedule(`${job}.${unique}`, handling.timeFor(STEP_MS));
    },
  };

  const tenants = new Map<string, Context<Definition>>();
  const context = {
    ...parts.memory,
    publish: async (contract: Contract, data: unknown, fact?: string) => {
      const event = cloudEvent(name, contract, data, handling, clock, fact);
      await say(event);
      handling.said.push({ type: event.type, at: event.time ?? '' });
    },
    publishAll: async (contract: Contract, all: readonly unknown[]) => {
      handling.assertInTime();
      const events = all.map((data) => cloudEvent(name, contract, data, handling, clock));
      await sidecar.publishAll(events, handling.timeFor(STEP_MS));
      metrics.eventsSaid.inc({ type: contract.type }, events.length);
      handling.said.push(...events.map(({ type, time = '' }) => ({ type, at: time })));
    },
    execute,
    request,
    newId: (prefix: string) =>
      `${prefix}_${identity(cause.id, name, prefix, handling.ordinal(`id ${prefix}`))}`,
    forTenant: (tenantId: string, fact?: string) => {
      const key = JSON.stringify([tenantId, fact]);
      const known = tenants.get(key);
      if (known !== undefined) return known;
      const id =
        fact === undefined
          ? identity(cause.id, 'tenant', tenantId)
          : identity('fact', name, tenantId, fact);
      const caller = asService(tenantId);
      const own = openContext(parts, new Handling({ ...cause, id, caller }, clock));
      tenants.set(key, own);
      return own;
    },
    client,
    jobs,
    flagsOf: (userId: string) => parts.flags.for({ ...cause.caller, userId }),
    clock,
    caller: cause.caller,
    cause,
    said: handling.said,
    config: parts.config,
  };
  // a handling uses few of them
  const later = (part: string, make: () => unknown) => {
    let made: unknown;
    Object.defineProperty(context, part, { enumerable: true, get: () => (made ??= make()) });
  };
  later('flags', () => parts.flags.for(cause.caller));
  later('log', () =>
    parts.log.child({ correlationId: cause.correlationId, requestId: cause.requestId }),
  );
  later('lists', () =>
    Object.fromEntries(
      (definition.lists ?? []).map((list) => [list, openList(documents, list, handling)]),
    ),
  );
  later('feeds', () =>
    Object.fromEntries(
      Object.entries(definition.feeds ?? {}).map(([feed, item]) => [
        feed,
        openFeed(documents, feed, item, handling),
      ]),
    ),
  );
  later('bindings', () => Object.fromEntries((definition.sends ?? []).map(binding)));
  later('endpoints', () => Object.fromEntries((definition.endpoints ?? []).map(endpoint)));
  for (const [store, schema] of Object.entries(definition.stores ?? {})) {
    later(store, () => documents.open(store, schema, handling));
  }
  for (const [appId, service] of Object.entries(definition.calls ?? {})) {
    later(appId, () => client(appId, service));
  }
  // built by walking the same definition that the type is derived from
  return context as unknown as Context<Definition>;
}

function calleeCause(
  cause: Cause,
  callee: string,
  handling: Handling,
  clock: Clock,
  atMost: number,
): Cause {
  return {
    ...cause,
    id: identity(cause.id, 'call', callee, handling.ordinal(`call ${callee}`)),
    deadline: clock.now() + handling.timeFor(atMost),
  };
}
