import type { DescService } from '@bufbuild/protobuf';
import type { z } from 'zod';
import type { Caller } from '../core/caller';
import type { Clock } from '../core/clock';
import type { Reply, Contract, EventInput } from '../messages/contract';
import type { Store } from '../state/document-store';
import type { Flags } from '../flags/flags';
import type { CallContext } from '../core/call-context';
import type { PublishedEvent } from '../core/execution';
import type { Feed, List } from '../state/paged-list';
import type { Log } from '../core/log';
import type { Client, Definition } from './definition';
import type { EndpointResponse, EndpointRequest } from '../transport/sidecar';

export interface Jobs {
  /** Once, at a moment (ISO 8601) or after a delay (`30s`). The name makes it unique. */
  once(job: string, name: string, dueTime: string, data: unknown): Promise<void>;
  /** Again and again, by a cron expression or `@every 30s`. */
  every(job: string, schedule: string, data: unknown): Promise<void>;
  cancel(job: string, name: string): Promise<void>;
}

/** An output binding. Bytes are sent as they are, anything else as JSON. */
export interface Binding {
  send(
    operation: string,
    data: unknown,
    metadata?: Readonly<Record<string, string>>,
  ): Promise<void>;
}

/** An HTTP endpoint outside of the system. */
export interface Endpoint {
  /**
   * Whatever status it answers, it has answered. Throws UNAVAILABLE where it cannot be reached, and
   * DEADLINE_EXCEEDED where it stays silent: its effect may have come about then. The request has
   * an `idempotency-key`, the same again when this handling is repeated, unless one is given.
   */
  request(request: EndpointRequest): Promise<EndpointResponse>;
}

interface Base<D extends Definition> {
  /**
   * Says an event; it has been said when this returns. Said again under the same cause, it is the
   * same event. `fact` is for what can come about only once, such as a refund by its id: it is then
   * the same event under whatever cause, so that who finds it done can say it again.
   */
  readonly publish: <C extends NonNullable<D['publishes']>[number]>(
    contract: C,
    data: EventInput<C>,
    fact?: string,
  ) => Promise<void>;
  /** The same of many, in as few messages as may be; in what order they arrive is up to the bus. */
  readonly publishAll: <C extends NonNullable<D['publishes']>[number]>(
    contract: C,
    all: readonly EventInput<C>[],
  ) => Promise<void>;
  /**
   * Gives a command to the bus, from where this service takes it, and waits for its outcome:
   * what `read` gives once it is not undefined. Undefined where the time runs out, or where the
   * caller takes "accepted" for an answer. Throws the refusal if the command was refused.
   *
   * `notGiven` is done where the bus has not acknowledged the command, before this throws that: for
   * what was written for the sake of it. The bus may have taken it even so.
   */
  readonly dispatchAndWait: <C extends NonNullable<D['publishes']>[number] & Contract, R>(
    contract: C,
    data: EventInput<C>,
    read: () => Promise<R | undefined>,
    notGiven?: () => Promise<void>,
  ) => Promise<R | undefined>;
  /**
   * Asks another service over the bus, and waits for its answer: 5 s at most, unless `callTimeouts` of
   * the service says otherwise for the contract's type. Throws its refusal; DEADLINE_EXCEEDED where
   * no answer came in time: it may have had its effect. Asked again under the same cause, it is the
   * same request. An answer that another replica of this service gets is found after a second at
   * the latest. While an event's handler waits, it holds one of the sidecar's workers, and answers
   * need one too: a handler of many events does not ask, it hears.
   */
  readonly request: <C extends NonNullable<D['requests']>[number]>(
    contract: C,
    data: EventInput<C>,
  ) => Promise<Reply<C>>;
  /** A new id, the same again when this handling is repeated: `order_...`. */
  readonly newId: (prefix: string) => string;
  readonly lists: Readonly<Record<NonNullable<D['lists']>[number], List>>;
  readonly feeds: {
    readonly [K in keyof NonNullable<D['feeds']>]: NonNullable<D['feeds']>[K] extends z.ZodType
      ? Feed<z.output<NonNullable<D['feeds']>[K]>>
      : never;
  };
  readonly bindings: Readonly<Record<NonNullable<D['outputBindings']>[number], Binding>>;
  readonly endpoints: Readonly<Record<NonNullable<D['endpoints']>[number], Endpoint>>;
  /**
   * The same work on behalf of a tenant, by this service and nobody else: what a device or a job of
   * the platform tells of a tenant, or what is kept of all of them (DEFAULT_TENANT). What a user may
   * see is decided before. Its effects have identities of their own; with a `fact`, which comes about
   * once, they have the same whoever brings them about.
   */
  readonly forTenant: (tenantId: string, fact?: string) => Context<D>;
  /** A client of any app, for what every service answers. */
  readonly client: <S extends DescService>(appId: string, service: S) => Client<S>;
  readonly jobs: Jobs;
  readonly flags: Flags;
  /** The flags of a user on whose behalf this is not done, such as the one that an event is about. */
  readonly flagsFor: (userId: string) => Flags;
  readonly log: Log;
  readonly clock: Clock;
  readonly caller: Caller;
  readonly callContext: CallContext;
  /** What was said in this handling so far, by this service and those it called. */
  readonly published: readonly PublishedEvent[];
  readonly config: ConfigOf<D>;
}

type ConfigOf<D> = D extends { readonly config: infer C extends z.ZodObject }
  ? z.output<C>
  : undefined;

/** What a handler gets besides its input: the documents and clients of its service by name, and the kit. */
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
  readonly [K in keyof NonNullable<D['calls']>]: NonNullable<D['calls']>[K] extends DescService
    ? Client<NonNullable<D['calls']>[K]>
    : never;
};
