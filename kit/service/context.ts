import type { DescService } from '@bufbuild/protobuf';
import type { z } from 'zod';
import type { Caller } from '../core/caller';
import type { Clock } from '../core/clock';
import type { Contract, EventInput, Reply } from '../messages/contract';
import type { ReadModelStore } from '../read-store/read-model-store';
import type { ReadModel } from '../read-store/read-store';
import type { Store } from '../state/store';
import type { Flags } from '../flags/flags';
import type { CallContext } from '../core/call-context';
import type { Precondition } from '../core/precondition';
import type { PublishedEvent } from '../core/execution';
import type { Feed, List } from '../state/paged-list';
import type { Log } from '../core/log';
import type { Callee, Client, Definition } from './definition';
import type { EndpointRequest, EndpointResponse } from '../transport/sidecar';

export interface Jobs {
  /**
   * Schedules a job that runs once: at a time (ISO 8601) or after a delay (`30s`). `name` makes it
   * unique.
   */
  once(job: string, name: string, dueTime: string, data: unknown): Promise<void>;
  /** Schedules a recurring job, by a cron expression or `@every 30s`. */
  every(job: string, schedule: string, data: unknown): Promise<void>;
  cancel(job: string, name: string): Promise<void>;
}

/** An output binding. */
export interface Binding {
  /** Sends bytes as they are and anything else as JSON. */
  send(
    operation: string,
    data: unknown,
    metadata?: Readonly<Record<string, string>>,
  ): Promise<void>;
}

/** An HTTP endpoint outside of the system. */
export interface Endpoint {
  /**
   * Returns the response, whatever its status is. Throws UNAVAILABLE if the endpoint cannot be reached,
   * and DEADLINE_EXCEEDED if it does not answer in time: the request may have had its effect then. The
   * request carries an `idempotency-key`, the same when the execution is repeated, unless one is given.
   */
  request(request: EndpointRequest): Promise<EndpointResponse>;
}

interface Base<D extends Definition> {
  /**
   * Publishes an event. The bus has accepted it when this returns. The id of the event is deterministic:
   * published again in a repetition of this execution, it is the same event. `dedupKey` is for an event
   * that happens only once, such as a refund by its id: with it, any execution publishes the same event.
   */
  readonly publish: <C extends NonNullable<D['publishes']>[number]>(
    contract: C,
    data: EventInput<C>,
    dedupKey?: string,
  ) => Promise<void>;
  /** Publishes events in as few messages as possible. The bus may deliver them in any order. */
  readonly publishAll: <C extends NonNullable<D['publishes']>[number]>(
    contract: C,
    all: readonly EventInput<C>[],
  ) => Promise<void>;
  /**
   * Announces that `dispatchAndWait` will publish a command about a document. Call it before the document is
   * written: if the process dies before the command is published, another one publishes it a minute later,
   * unless there is no document.
   */
  readonly beginCommand: <C extends NonNullable<D['publishes']>[number] & Contract>(
    contract: C,
    data: EventInput<C>,
    store: keyof NonNullable<D['stores']> & string,
    key: string,
  ) => Promise<void>;
  /**
   * Publishes a command to this service itself and waits until it was executed. Then returns what `read`
   * returns. Returns undefined if the time runs out first, or if the caller accepts a 202 (the command
   * is executed all the same). Throws the refusal if the command was refused.
   *
   * If the bus does not acknowledge the command, this runs `onPublishFailed` and throws the failure: the
   * place to undo what was written for the command. The bus may have accepted the command even then.
   */
  readonly dispatchAndWait: <C extends NonNullable<D['publishes']>[number] & Contract, R>(
    contract: C,
    data: EventInput<C>,
    read: () => Promise<R | undefined>,
    onPublishFailed?: () => Promise<void>,
  ) => Promise<R | undefined>;
  /**
   * Sends a request over the bus and waits for the reply: at most 5 s, unless `callTimeouts` of the
   * definition has another value for the contract's type. Throws the refusal in the reply, or
   * DEADLINE_EXCEEDED if there is no reply in time: the request may have had its effect. Sent again in a
   * repetition of this execution, it is the same request. A reply that another replica of this service
   * receives is found within a second.
   *
   * An event handler that waits occupies one of the sidecar's workers, and the reply needs one too. So a
   * handler of frequent events must not send requests; it subscribes to an event instead.
   */
  readonly request: <C extends NonNullable<D['requests']>[number]>(
    contract: C,
    data: EventInput<C>,
  ) => Promise<Reply<C>>;
  /** A new id such as `order_...`; the same one when this execution is repeated. */
  readonly newId: (prefix: string) => string;
  /**
   * The sequence of the document that this execution last read or wrote under a key, as events about it
   * have it; 0 if there is none.
   */
  readonly sequenceOf: (key: string) => number;
  readonly lists: Readonly<Record<NonNullable<D['lists']>[number], List>>;
  readonly feeds: {
    readonly [K in keyof NonNullable<D['feeds']>]: NonNullable<D['feeds']>[K] extends z.ZodType
      ? Feed<z.output<NonNullable<D['feeds']>[K]>>
      : never;
  };
  readonly bindings: Readonly<Record<NonNullable<D['outputBindings']>[number], Binding>>;
  readonly endpoints: Readonly<Record<NonNullable<D['endpoints']>[number], Endpoint>>;
  /**
   * A context for the same work on behalf of a tenant, with the role `service`: for data of a tenant that
   * a device or a platform job reports, and for data of all tenants (DEFAULT_TENANT). Check what a user
   * may access before using it. Its effects have ids of their own. With a `dedupKey`, for work that
   * happens only once, any execution has the same ids.
   */
  readonly forTenant: (tenantId: string, dedupKey?: string) => Context<D>;
  /**
   * A client of an app that the definition declares, for a method that is known at run time only, and for
   * the OperationsService. Calling a method that the definition does not declare throws an Error.
   */
  readonly client: <S extends DescService>(appId: string, service: S) => Client<S>;
  readonly jobs: Jobs;
  /** The feature flags of the caller. */
  readonly flags: Flags;
  /** The feature flags of another user, such as the one that an event is about. */
  readonly flagsFor: (userId: string) => Flags;
  readonly log: Log;
  readonly clock: Clock;
  readonly caller: Caller;
  readonly callContext: CallContext;
  /** The client's condition for the change: see `requirePrecondition`. A command takes it in its data. */
  readonly precondition: Precondition | undefined;
  /** The events published in this execution so far, by this service and those that it called. */
  readonly published: readonly PublishedEvent[];
  readonly config: ConfigOf<D>;
}

type ConfigOf<D> = D extends { readonly config: infer C extends z.ZodObject }
  ? z.output<C>
  : undefined;

/**
 * The context of a handler: the members above, and by name the stores, clients and process memory of its
 * service.
 */
export type Context<D extends Definition> = Base<D> & {
  readonly [K in keyof NonNullable<D['processMemory']>]: NonNullable<
    D['processMemory']
  >[K] extends (clock: Clock) => infer M
    ? M
    : never;
} & {
  readonly [K in keyof NonNullable<D['stores']>]: NonNullable<D['stores']>[K] extends z.ZodType
    ? Store<z.output<NonNullable<D['stores']>[K]>>
    : never;
} & {
  readonly [K in keyof NonNullable<D['calls']>]: NonNullable<D['calls']>[K] extends Callee<
    infer S,
    infer M
  >
    ? Pick<Client<S>, M & keyof Client<S>>
    : never;
} & (D extends { readonly readModel: ReadModel<infer T> }
    ? { readonly readModel: ReadModelStore<T> }
    : unknown);
