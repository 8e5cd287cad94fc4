import type { DescService } from '@bufbuild/protobuf';
import { asService } from '../core/caller';
import { CALL_MS, Clients } from './rpc-clients';
import type { Binding, Context, Endpoint, Jobs } from '../service/context';
import type { Contract, RequestContract } from '../messages/contract';
import { type CloudEvent, cloudEvent } from '../messages/cloud-event';
import type { Clock } from '../core/clock';
import { failureOf } from '../delivery/dead-letters';
import type { Documents } from '../state/document-store';
import { Code, MicroserviceError } from '../core/errors';
import type { FlagSource } from '../flags/flags';
import { Handling } from '../core/execution';
import { identity } from '../core/deterministic-id';
import { openFeed, openList } from '../state/paged-list';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import type { Outcomes } from '../delivery/command-results';
import { type Make, withParts } from './lazy-object';
import { repliesTo } from '../messages/reply-topic';
import type { Definition } from '../service/definition';
import type { Sidecar } from '../transport/sidecar';
import { readable } from './binding-job-dispatcher';

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

const STEP_MS = 5_000;
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
export function contexts(parts: Parts): (handling: Handling) => Context<Definition> {
  const { name, definition, sidecar, clock, documents, metrics } = parts;

  const say = async (event: CloudEvent, handling: Handling, spareMs = 0): Promise<void> => {
    handling.assertInTime();
    const left = handling.timeFor(STEP_MS + spareMs);
    await sidecar.publish(event, Math.max(left - spareMs, left / 2));
    metrics.eventsSaid.inc({ type: event.type });
  };

  /** Says what somebody shall do, and waits for what came of it; undefined where that takes too long. */
  const outcomeOf = async (
    event: CloudEvent,
    handling: Handling,
    left: (atMost: number) => number,
    give = () => say(event, handling),
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
      waiting.abort(SETTLED);
      forget();
    }
  };

  const execute =
    (handling: Handling) =>
    async <R>(
      contract: Contract,
      data: unknown,
      read: () => Promise<R | undefined>,
      notGiven?: () => Promise<void>,
    ): Promise<R | undefined> => {
      const { respondAsync } = handling.cause;
      const event = cloudEvent(name, contract, data, handling, clock);
      const left = (atMost: number) => (respondAsync ? 0 : handling.timeFor(atMost));
      const give = async () => {
        try {
          await say(event, handling, notGiven === undefined ? 0 : SPARE_MS);
        } catch (error) {
          await notGiven?.().catch((failure: unknown) => {
            const facts = { type: event.type, failure: failureOf(failure, 1) };
            parts.log.warn(facts, 'what was written for a command stays');
          });
          throw error;
        }
      };
      return (await outcomeOf(event, handling, left, give)) && read();
    };

  const request =
    (handling: Handling) =>
    async (contract: RequestContract, data: unknown): Promise<unknown> => {
      const { type, answer } = contract;
      const until = clock.now() + handling.timeFor(definition.deadlines?.[type] ?? CALL_MS);
      const event = {
        ...cloudEvent(name, contract, data, handling, clock),
        replyto: repliesTo(name),
        expirytime: new Date(until).toISOString(),
      };
      const left = (atMost: number) => Math.min(atMost, until - clock.now());
      const outcome = await outcomeOf(event, handling, left);
      if (outcome !== undefined) return readable(() => answer.parse(outcome.answer));
      const message = `${type} was not answered in time`;
      throw new MicroserviceError(message, Code.DEADLINE_EXCEEDED, { reason: 'timeout' });
    };

  const publish =
    (handling: Handling) => async (contract: Contract, data: unknown, fact?: string) => {
      const event = cloudEvent(name, contract, data, handling, clock, fact);
      await say(event, handling);
      handling.said.push({ type: event.type, at: event.time ?? '' });
    };

  const publishAll =
    (handling: Handling) => async (contract: Contract, all: readonly unknown[]) => {
      handling.assertInTime();
      const events = all.map((data) => cloudEvent(name, contract, data, handling, clock));
      await sidecar.publishAll(events, handling.timeFor(STEP_MS));
      metrics.eventsSaid.inc({ type: contract.type }, events.length);
      handling.said.push(...events.map(({ type, time = '' }) => ({ type, at: time })));
    };

  const binding =
    (binding: string) =>
    (handling: Handling): Binding => ({
      send: async (operation, data, metadata = {}) => {
        handling.assertInTime();
        await sidecar.send(binding, operation, data, metadata, handling.timeFor(STEP_MS));
      },
    });

  const endpoint =
    (endpoint: string) =>
    (handling: Handling): Endpoint => ({
      request: async (request) => {
        handling.assertInTime();
        const ordinal = handling.ordinal(`request ${endpoint}`);
        const key = identity(handling.cause.id, 'request', name, endpoint, ordinal);
        const headers = { 'idempotency-key': key, ...request.headers };
        const timeout = handling.timeFor(definition.deadlines?.[endpoint] ?? CALL_MS);
        return sidecar.request(endpoint, { ...request, headers }, timeout);
      },
    });

  const jobs = (handling: Handling): Jobs => ({
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
  });

  const { stores = {}, lists = [], feeds = {}, sends = [], endpoints = [] } = definition;
  const { calls = {} } = definition;
  const clients = new Clients(sidecar, clock, definition.deadlines);
  const all = (makes: Readonly<Record<string, Make>>): Make => {
    const All = withParts(makes);
    return (handling) => new All(handling);
  };

  const Opened = withParts({
    ...mapped(parts.memory, (remembered) => () => remembered),
    publish,
    publishAll,
    execute,
    request,
    newId: (handling) => (prefix: string) =>
      `${prefix}_${identity(handling.cause.id, name, prefix, handling.ordinal(`id ${prefix}`))}`,
    forTenant: ({ cause }) => {
      const tenants = new Map<string, Context<Definition>>();
      return (tenantId: string, fact?: string) => {
        const key = JSON.stringify([tenantId, fact]);
        const known = tenants.get(key);
        if (known !== undefined) return known;
        const id =
          fact === undefined
            ? identity(cause.id, 'tenant', tenantId)
            : identity('fact', name, tenantId, fact);
        const own = open(new Handling({ ...cause, id, caller: asService(tenantId) }, clock));
        tenants.set(key, own);
        return own;
      };
    },
    client: (handling) => (appId: string, service: DescService) =>
      clients.of(appId, service, handling),
    jobs,
    flags: ({ cause }) => parts.flags.for(cause.caller),
    flagsOf:
      ({ cause }) =>
      (userId: string) =>
        parts.flags.for({ ...cause.caller, userId }),
    log: ({ cause }) =>
      parts.log.child({ correlationId: cause.correlationId, requestId: cause.requestId }),
    clock: () => clock,
    caller: ({ cause }) => cause.caller,
    cause: ({ cause }) => cause,
    said: ({ said }) => said,
    config: () => parts.config,
    lists: all(each(lists, (list) => (handling) => openList(documents, list, handling))),
    feeds: all(
      mapped(feeds, (item, feed) => (handling) => openFeed(documents, feed, item, handling)),
    ),
    bindings: all(each(sends, binding)),
    endpoints: all(each(endpoints, endpoint)),
    ...mapped(stores, (schema, store) => (handling) => documents.open(store, schema, handling)),
    ...mapped(calls, (service, appId) => clients.opener(appId, service)),
  });
  // built by walking the same definition that the type is derived from
  const open = (handling: Handling) => new Opened(handling) as unknown as Context<Definition>;
  return open;
}

function each(names: readonly string[], makeOf: (name: string) => Make): Record<string, Make> {
  return Object.fromEntries(names.map((name) => [name, makeOf(name)]));
}

function mapped<T>(
  all: Readonly<Record<string, T>>,
  makeOf: (one: T, name: string) => Make,
): Record<string, Make> {
  return Object.fromEntries(Object.entries(all).map(([name, one]) => [name, makeOf(one, name)]));
}
