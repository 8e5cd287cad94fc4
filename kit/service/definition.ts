import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { z } from 'zod';
import type { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import type { Clock } from '../core/clock';
import type { Contract, RequestContract } from '../messages/contract';
import type { ReadModel } from '../read-store/read-store';

/**
 * The declaration of a service: the data that it owns, the services that it calls, the events that
 * it publishes.
 */
export interface Definition {
  /** The protobuf service that it implements. */
  readonly serves?: DescService;
  /** The methods that it calls, by app id. Every other call is refused by the callee. */
  readonly calls?: Readonly<Record<string, Callee>>;
  /** The methods of the OperationsService that it calls at each of those apps. */
  readonly operations?: readonly (keyof (typeof OperationsService)['method'])[];
  /** The names of the HTTP endpoints outside of the system to which it sends requests. */
  readonly endpoints?: readonly string[];
  /**
   * The timeout in milliseconds of a call to an app or endpoint, by name, and of a request over the bus,
   * by type. 5 s by default.
   */
  readonly callTimeouts?: Readonly<Record<string, number>>;
  /** The schemas of its documents, by the name of their store. */
  readonly stores?: Readonly<Record<string, z.ZodType>>;
  /** The names of its lists of ids. */
  readonly lists?: readonly string[];
  /** Its lists of small items, each with an id, that are stored in the list only; by name. */
  readonly feeds?: Readonly<Record<string, z.ZodType<{ id: string }>>>;
  /** Its read model, if it answers queries that its documents cannot. */
  readonly readModel?: ReadModel<unknown>;
  /**
   * In-process state, created when a process starts, by name. It may affect latency, never correctness:
   * replicas do not share it and a restart loses it.
   */
  readonly processMemory?: Readonly<Record<string, (clock: Clock) => object>>;
  /** The events that it publishes, and its own commands. */
  readonly publishes?: readonly Contract[];
  /** The requests that it sends to other services over the bus. */
  readonly requests?: readonly RequestContract[];
  /** The names of the output bindings through which it sends. */
  readonly outputBindings?: readonly string[];
  /**
   * Methods that opt out of the 24 h idempotency cache, by name. `recompute`: the documents show that
   * the request was executed, and the handler builds the response from their current state.
   * `handled-by-service`: the documents also show the first request, and the handler refuses a different
   * one under the same key.
   */
  readonly idempotency?: Readonly<Record<string, 'recompute' | 'handled-by-service'>>;
  /** The environment variables that it reads, besides those of the kit. */
  readonly config?: z.ZodObject;
}

/** The methods of an app that a service calls: see `methods`. */
export interface Callee<S extends DescService = DescService, M extends string = string> {
  readonly service: S;
  /** Names in TypeScript, such as `getOrder`. */
  readonly methods: readonly M[];
}

/** Declares the methods of a service that another one calls: `methods(UserService, 'getContact')`. */
export function methods<S extends DescService, const M extends keyof S['method'] & string>(
  service: S,
  ...names: readonly [M, ...M[]]
): Callee<S, M> {
  return { service, methods: names };
}

export type UnaryOf<S extends DescService> = {
  [M in keyof S['method']]: S['method'][M] extends DescMethodUnary ? S['method'][M] : never;
};

/** A client of a service: a function for each of its methods. */
export type Client<S extends DescService> = {
  readonly [M in keyof S['method']]: S['method'][M] extends DescMethodServerStreaming
    ? (
        request: MessageInitShape<S['method'][M]['input']>,
        signal: AbortSignal,
      ) => AsyncIterable<MessageShape<S['method'][M]['output']>>
    : (
        request: MessageInitShape<UnaryOf<S>[M]['input']>,
      ) => Promise<MessageShape<UnaryOf<S>[M]['output']>>;
};
