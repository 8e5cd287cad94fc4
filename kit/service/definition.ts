import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { z } from 'zod';
import type { Clock } from '../core/clock';
import type { Contract, RequestContract } from '../messages/contract';

/** The head of a service: what it owns, calls and says. */
export interface Definition {
  /** What it answers: a service of proto/. */
  readonly serves?: DescService;
  /** Whom it calls, by app id. */
  readonly calls?: Readonly<Record<string, DescService>>;
  /** The HTTP endpoints outside of the system that it asks, by name. */
  readonly endpoints?: readonly string[];
  /** Milliseconds that a call to an app or endpoint may take, where it is not the usual 5 s. */
  readonly callTimeouts?: Readonly<Record<string, number>>;
  /** The documents it owns, by name of their kind. */
  readonly stores?: Readonly<Record<string, z.ZodType>>;
  /** Its lists of ids. */
  readonly lists?: readonly string[];
  /** Its lists of small things, each with an id, which are kept in the list and nowhere else. */
  readonly feeds?: Readonly<Record<string, z.ZodType<{ id: string }>>>;
  /**
   * What each of its processes remembers, made anew when it starts: nothing may rest on it but how
   * soon something is done.
   */
  readonly processMemory?: Readonly<Record<string, (clock: Clock) => object>>;
  readonly publishes?: readonly Contract[];
  /** What it asks other services over the bus. */
  readonly requests?: readonly RequestContract[];
  /** The output bindings it sends through. */
  readonly outputBindings?: readonly string[];
  /**
   * Methods that are not answered from what is kept for a day under a client's Idempotency-Key.
   * `recompute`: its documents tell that it was done, and the answer is how it stands now. `handled-by-service`:
   * they tell also what was asked the first time, and it refuses another request.
   */
  readonly idempotency?: Readonly<Record<string, 'recompute' | 'handled-by-service'>>;
  /** What it reads from the environment, besides what the kit reads for every service. */
  readonly config?: z.ZodObject;
}

export type UnaryOf<S extends DescService> = {
  [M in keyof S['method']]: S['method'][M] extends DescMethodUnary ? S['method'][M] : never;
};

/** How a service is called: a function for each of its methods. */
export type Client<S extends DescService> = {
  readonly [M in keyof S['method']]: S['method'][M] extends DescMethodServerStreaming
    ? (
        request: MessageInitShape<S['method'][M]['input']>,
        ended: AbortSignal,
      ) => AsyncIterable<MessageShape<S['method'][M]['output']>>
    : (
        request: MessageInitShape<UnaryOf<S>[M]['input']>,
      ) => Promise<MessageShape<UnaryOf<S>[M]['output']>>;
};
