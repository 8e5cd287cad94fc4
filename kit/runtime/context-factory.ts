import type { DescService } from '@bufbuild/protobuf';
import { asService } from '../core/caller';
import { CALL_TIMEOUT_MS, RpcClients } from './rpc-clients';
import type { Binding, Context, Endpoint, Jobs } from '../service/context';
import type { Contract, RequestContract } from '../messages/contract';
import { type CloudEvent, cloudEvent } from '../messages/cloud-event';
import type { Clock } from '../core/clock';
import { failureOf } from '../delivery/dead-letters';
import type { DocumentStore } from '../state/document-store';
import { Code, MicroserviceError } from '../core/errors';
import type { FlagSource } from '../flags/flags';
import { Execution } from '../core/execution';
import { deterministicId } from '../core/deterministic-id';
import { openFeed, openList } from '../state/paged-list';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import type { CommandResults } from '../delivery/command-results';
import { type LazyFactory, lazyObject } from './lazy-object';
import { replyTopicOf } from '../messages/reply-topic';
import type { Definition } from '../service/definition';
import { SIDECAR_TIMEOUT_MS, type Sidecar } from '../transport/sidecar';
import { rethrowAsUnreadable } from './binding-job-dispatcher';

/** What the contexts of one process share. */
export interface RuntimeDeps {
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

interface Parts extends RuntimeDeps {
  readonly name: string;
  readonly definition: Definition;
  readonly documents: DocumentStore;
  readonly outcomes: CommandResults;
  /** What this process remembers, by name. */
  readonly memory: Readonly<Record<string, object>>;
}

/** What is left to do what is to be done where a command could not be given. */
const SPARE_MS = 1_000;
/** Why nobody sleeps any more: no failure, so it has no stack of each time. */
const SETTLED = new Error('the outcome is there');
/** The first looks at an outcome that another replica may bring about, then every second. */
const LOOKS_MS = [100, 200, 400, 800];

/**
 * Makes the contexts of a service, in which is all that it declared. What can be known beforehand is
 * made here, once; of the rest a handling uses few parts, and each is made when it is used.
 */
export function contextFactory(parts: Parts): (execution: Execution) => Context<Definition> {
  const { name, definition, sidecar, clock, documents, metrics } = parts;

  const say = async (event: CloudEvent, execution: Execution, spareMs = 0): Promise<void> => {
    execution.assertBeforeDeadline();
    const left = execution.remainingMs(SIDECAR_TIMEOUT_MS + spareMs);
    await sidecar.publish(event, Math.max(left - spareMs, left / 2));
    metrics.eventsPublished.inc({ type: event.type });
  };

  /** Says what somebody shall do, and waits for what came of it; undefined where that takes too long. */
  const outcomeOf = async (
    event: CloudEvent,
    execution: Execution,
    left: (atMost: number) => number,
    give = () => say(event, execution),
  ): Promise<{ answer: unknown } | undefined> => {
    const { completed, forget } = parts.outcomes.awaitResult(event.id);
    const waiting = new AbortController();
    try {
      await give();
      for (let look = 0; left(1) > 0; look++) {
        const here = await Promise.race([
          completed.then((answer) => ({ answer })),
          clock.sleep(left(LOOKS_MS[look] ?? 1_000), waiting.signal).then(() => undefined),
        ]);
        const outcome = here ?? (await parts.outcomes.storedResult(event.id, SIDECAR_TIMEOUT_MS));
        if (outcome !== undefined) return outcome;
      }
      return undefined;
    } finally {
      waiting.abort(SETTLED);
      forget();
    }
  };

  const dispatchAndWait =
    (execution: Execution) =>
    async <R>(
      contract: Contract,
      data: unknown,
      read: () => Promise<R | undefined>,
      notGiven?: () => Promise<void>,
    ): Promise<R | undefined> => {
      const { respondAsync } = execution.callContext;
      const event = cloudEvent(name, contract, data, execution, clock);
      const left = (atMost: number) => (respondAsync ? 0 : execution.remainingMs(atMost));
      const give = async () => {
        try {
          await say(event, execution, notGiven === undefined ? 0 : SPARE_MS);
        } catch (error) {
          await notGiven?.().catch((failure: unknown) => {
            const facts = { type: event.type, failure: failureOf(failure, 1) };
            parts.log.warn(facts, 'what was written for a command stays');
          });
          throw error;
        }
      };
      return (await outcomeOf(event, execution, left, give)) && read();
    };

  const request =
    (execution: Execution) =>
    async (contract: RequestContract, data: unknown): Promise<unknown> => {
      const { type, reply } = contract;
      const until =
        clock.now() + execution.remainingMs(definition.callTimeouts?.[type] ?? CALL_TIMEOUT_MS);
      const event = {
        ...cloudEvent(name, contract, data, execution, clock),
        replyto: replyTopicOf(name),
        expirytime: new Date(until).toISOString(),
      };
      const left = (atMost: number) => Math.min(atMost, until - clock.now());
      const outcome = await outcomeOf(event, execution, left);
      if (outcome !== undefined) return rethrowAsUnreadable(() => reply.parse(outcome.answer));
      const message = `${type} was not answered in time`;
      throw new MicroserviceError(message, Code.DEADLINE_EXCEEDED, { reason: 'timeout' });
    };

  const publish =
    (execution: Execution) => async (contract: Contract, data: unknown, fact?: string) => {
      const event = cloudEvent(name, contract, data, execution, clock, fact);
      await say(event, execution);
      execution.published.push({ type: event.type, at: event.time ?? '' });
    };

  const publishAll =
    (execution: Execution) => async (contract: Contract, all: readonly unknown[]) => {
      execution.assertBeforeDeadline();
      const events = all.map((data) => cloudEvent(name, contract, data, execution, clock));
      await sidecar.publishAll(events, execution.remainingMs(SIDECAR_TIMEOUT_MS));
      metrics.eventsPublished.inc({ type: contract.type }, events.length);
      execution.published.push(...events.map(({ type, time = '' }) => ({ type, at: time })));
    };

  const binding =
    (binding: string) =>
    (execution: Execution): Binding => ({
      send: async (operation, data, metadata = {}) => {
        execution.assertBeforeDeadline();
        await sidecar.send(
          binding,
          operation,
          data,
          metadata,
          execution.remainingMs(SIDECAR_TIMEOUT_MS),
        );
      },
    });

  const endpoint =
    (endpoint: string) =>
    (execution: Execution): Endpoint => ({
      request: async (request) => {
        execution.assertBeforeDeadline();
        const ordinal = execution.effectIndex(`request ${endpoint}`);
        const key = deterministicId(execution.callContext.id, 'request', name, endpoint, ordinal);
        const headers = { 'idempotency-key': key, ...request.headers };
        const timeout = execution.remainingMs(
          definition.callTimeouts?.[endpoint] ?? CALL_TIMEOUT_MS,
        );
        return sidecar.request(endpoint, { ...request, headers }, timeout);
      },
    });

  const jobs = (execution: Execution): Jobs => ({
    once: async (job, unique, dueTime, data) => {
      execution.assertBeforeDeadline();
      await sidecar.schedule(
        {
          name: `${job}.${unique}`,
          dueTime,
          data: { job, data, cause: deterministicId(job, unique) },
        },
        execution.remainingMs(SIDECAR_TIMEOUT_MS),
      );
    },
    every: async (job, schedule, data) => {
      execution.assertBeforeDeadline();
      await sidecar.schedule(
        { name: job, schedule, data: { job, data } },
        execution.remainingMs(SIDECAR_TIMEOUT_MS),
      );
    },
    cancel: async (job, unique) => {
      await sidecar.unschedule(`${job}.${unique}`, execution.remainingMs(SIDECAR_TIMEOUT_MS));
    },
  });

  const { stores = {}, lists = [], feeds = {}, outputBindings = [], endpoints = [] } = definition;
  const { calls = {} } = definition;
  const clients = new RpcClients(sidecar, clock, definition.callTimeouts);
  const all = (makes: Readonly<Record<string, LazyFactory>>): LazyFactory => {
    const All = lazyObject(makes);
    return (execution) => new All(execution);
  };

  const Opened = lazyObject({
    ...mapped(parts.memory, (remembered) => () => remembered),
    publish,
    publishAll,
    dispatchAndWait,
    request,
    newId: (execution) => (prefix: string) =>
      `${prefix}_${deterministicId(execution.callContext.id, name, prefix, execution.effectIndex(`id ${prefix}`))}`,
    forTenant: ({ callContext }) => {
      const tenants = new Map<string, Context<Definition>>();
      return (tenantId: string, fact?: string) => {
        const key = JSON.stringify([tenantId, fact]);
        const known = tenants.get(key);
        if (known !== undefined) return known;
        const id =
          fact === undefined
            ? deterministicId(callContext.id, 'tenant', tenantId)
            : deterministicId('fact', name, tenantId, fact);
        const own = open(new Execution({ ...callContext, id, caller: asService(tenantId) }, clock));
        tenants.set(key, own);
        return own;
      };
    },
    client: (execution) => (appId: string, service: DescService) =>
      clients.clientFor(appId, service, execution),
    jobs,
    flags: ({ callContext }) => parts.flags.for(callContext.caller),
    flagsFor:
      ({ callContext }) =>
      (userId: string) =>
        parts.flags.for({ ...callContext.caller, userId }),
    log: ({ callContext }) =>
      parts.log.child({
        correlationId: callContext.correlationId,
        requestId: callContext.requestId,
      }),
    clock: () => clock,
    caller: ({ callContext }) => callContext.caller,
    callContext: ({ callContext }) => callContext,
    published: ({ published }) => published,
    config: () => parts.config,
    lists: all(each(lists, (list) => (execution) => openList(documents, list, execution))),
    feeds: all(
      mapped(feeds, (item, feed) => (execution) => openFeed(documents, feed, item, execution)),
    ),
    bindings: all(each(outputBindings, binding)),
    endpoints: all(each(endpoints, endpoint)),
    ...mapped(stores, (schema, store) => (execution) => documents.open(store, schema, execution)),
    ...mapped(calls, (service, appId) => clients.factoryFor(appId, service)),
  });
  // built by walking the same definition that the type is derived from
  const open = (execution: Execution) => new Opened(execution) as unknown as Context<Definition>;
  return open;
}

function each(
  names: readonly string[],
  makeOf: (name: string) => LazyFactory,
): Record<string, LazyFactory> {
  return Object.fromEntries(names.map((name) => [name, makeOf(name)]));
}

function mapped<T>(
  all: Readonly<Record<string, T>>,
  makeOf: (one: T, name: string) => LazyFactory,
): Record<string, LazyFactory> {
  return Object.fromEntries(Object.entries(all).map(([name, one]) => [name, makeOf(one, name)]));
}
