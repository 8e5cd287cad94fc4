import type { DescService } from '@bufbuild/protobuf';
import { asService } from '../core/caller';
import { deterministicId } from '../core/deterministic-id';
import { Execution } from '../core/execution';
import type { Context } from '../service/context';
import type { Definition } from '../service/definition';
import { openFeed, openList } from '../state/paged-list';
import { awaitedResults } from './awaited-results';
import { type LazyFactory, lazyObject } from './lazy-object';
import { outputs } from './outputs';
import { publishing } from './publishing';
import { RpcClients } from './rpc-clients';
import type { ContextDeps } from './runtime-deps';

/**
 * Returns a function that creates the context of an execution. Everything that does not depend on the
 * execution is created here, once. An execution uses few members of its context, so each member is
 * created on first use.
 */
export function contextFactory(deps: ContextDeps): (execution: Execution) => Context<Definition> {
  const { name, definition, sidecar, clock, documents } = deps;
  const { send, publish, publishAll } = publishing(deps);
  const { beginCommand, dispatchAndWait, request } = awaitedResults(deps, send);
  const { binding, endpoint, jobs } = outputs(deps);
  const clients = new RpcClients(sidecar, clock, definition);

  const forTenant = ({ callContext, made }: Execution) => {
    const contexts = new Map<string, Context<Definition>>();
    return (tenantId: string, dedupKey?: string) => {
      const key = JSON.stringify([tenantId, dedupKey]);
      const existing = contexts.get(key);
      if (existing !== undefined) return existing;
      const id =
        dedupKey === undefined
          ? deterministicId(callContext.id, 'tenant', tenantId)
          : deterministicId('fact', name, tenantId, dedupKey);
      const context = open(
        new Execution(
          { ...callContext, id, caller: asService(tenantId), assertion: '' },
          clock,
          false,
          clock.now(),
          made,
        ),
      );
      contexts.set(key, context);
      return context;
    };
  };

  const { stores = {}, lists = [], feeds = {}, calls = {} } = definition;
  const { outputBindings = [], endpoints = [] } = definition;
  const ExecutionContext = lazyObject({
    ...mapped(deps.processMemory, (state) => () => state),
    publish,
    publishAll,
    beginCommand,
    dispatchAndWait,
    request,
    newId: (execution) => (prefix: string) => {
      const index = execution.effectIndex(`id ${prefix}`);
      return `${prefix}_${deterministicId(execution.callContext.id, name, prefix, index)}`;
    },
    sequenceOf: (execution) => (key: string) => execution.sequenceOf(key),
    forTenant,
    client: (execution) => (appId: string, service: DescService) =>
      clients.clientFor(appId, service, execution),
    jobs,
    flags: ({ callContext }) => deps.flags.for(callContext.caller),
    flagsFor:
      ({ callContext }) =>
      (userId: string) =>
        deps.flags.for({ ...callContext.caller, userId }),
    log: ({ callContext }) =>
      deps.log.child({
        correlationId: callContext.correlationId,
        requestId: callContext.requestId,
      }),
    clock: () => clock,
    caller: ({ callContext }) => callContext.caller,
    callContext: ({ callContext }) => callContext,
    precondition: ({ precondition }) => precondition,
    published: ({ published }) => published,
    config: () => deps.config,
    lists: lazyGroup(named(lists, (list) => (execution) => openList(documents, list, execution))),
    feeds: lazyGroup(
      mapped(feeds, (item, feed) => (execution) => openFeed(documents, feed, item, execution)),
    ),
    bindings: lazyGroup(named(outputBindings, binding)),
    endpoints: lazyGroup(named(endpoints, endpoint)),
    ...(deps.readModel === undefined ? {} : { readModel: () => deps.readModel }),
    ...mapped(stores, (schema, store) => (execution) => documents.open(store, schema, execution)),
    ...mapped(calls, ({ service }, appId) => clients.factoryFor(appId, service)),
  });
  // built from the same definition that the type is derived from
  const open = (execution: Execution) =>
    new ExecutionContext(execution) as unknown as Context<Definition>;
  return open;
}

/** One member that is itself a lazy object. */
function lazyGroup(factories: Readonly<Record<string, LazyFactory>>): LazyFactory {
  const Group = lazyObject(factories);
  return (execution) => new Group(execution);
}

function named(
  names: readonly string[],
  factoryFor: (name: string) => LazyFactory,
): Record<string, LazyFactory> {
  return Object.fromEntries(names.map((name) => [name, factoryFor(name)]));
}

function mapped<T>(
  values: Readonly<Record<string, T>>,
  factoryFor: (value: T, name: string) => LazyFactory,
): Record<string, LazyFactory> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, factoryFor(value, name)]),
  );
}
