import type { MicroserviceError } from '../core/errors';
import type {
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { z } from 'zod';
import type { Contract } from '../messages/contract';
import type { UnaryOf } from './definition';

/** The handlers of a service: one for each unary method. */
export type Handlers<S extends DescService, C> = {
  readonly [M in keyof S['method'] as S['method'][M] extends DescMethodUnary ? M : never]: (
    request: MessageShape<UnaryOf<S>[M]['input']>,
    context: C,
  ) => Promise<MessageInitShape<UnaryOf<S>[M]['output']>>;
};

/** The handlers of its methods that return a stream of messages. */
export type StreamHandlers<S extends DescService, C> = {
  readonly [
    M in keyof S['method'] as S['method'][M] extends DescMethodServerStreaming ? M : never
  ]: S['method'][M] extends DescMethodServerStreaming
    ? (
        request: MessageShape<S['method'][M]['input']>,
        context: C,
        /** Aborted when the client no longer listens, or the service stops. */
        signal: AbortSignal,
      ) => AsyncIterable<MessageInitShape<S['method'][M]['output']>>
    : never;
};

export interface BindingMessage {
  readonly data: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A handler as it is stored. Its types were checked when it was registered. */
export type AnyHandler = (
  input: never,
  context: never,
  meta: never,
) => Promise<unknown> | AsyncIterable<unknown>;
/** The same handler as the runtime calls it. */
export type Handler = (input: unknown, context: unknown, meta?: unknown) => Promise<unknown>;
/** The same for a handler that returns a stream of messages. */
export type StreamHandler = (
  input: unknown,
  context: unknown,
  signal: AbortSignal,
) => AsyncIterable<unknown>;

/**
 * Asks the sidecar for events of a topic in batches, which saves an HTTP exchange for each event. For
 * high-volume events with cheap handlers. Each event is handled in an execution of its own. Events about
 * one subject are handled in order, the others concurrently. An event that has to be redelivered does
 * not repeat the others, but the topic's next batch waits for it.
 *
 * On a bus without batches of its own (docs/brokers.md), the sidecar delivers a batch when it is full,
 * when it holds an event of each of the sidecar's workers, or after `maxWaitMs`.
 */
export interface BatchOptions {
  readonly maxEvents: number;
  /** How long the first event of a batch waits for others, in milliseconds. */
  readonly maxWaitMs: number;
}

export interface EventHandler {
  readonly contract: Contract;
  readonly handle: AnyHandler;
  readonly batches?: BatchOptions | undefined;
}

export interface BindingHandler {
  readonly handle: AnyHandler;
  /** The id of a message, so that a message that is delivered twice has its effects once. */
  readonly identify: (message: BindingMessage) => string | undefined;
}

export interface JobHandler {
  readonly data: z.ZodType;
  readonly handle: AnyHandler;
}

/** The connection of an external client, open until its stream ends. */
export interface IngestConnection<M = object> {
  /** Sends an unsolicited message. Does nothing if the connection is closed. */
  write(message: M): void;
  /** Keeps the stream open, which otherwise ends a few seconds after it began. */
  authenticate(): void;
  /** Ends the stream with the status of this error. */
  end(error: MicroserviceError): void;
  readonly closed: AbortSignal;
}

export interface IngestHandler {
  readonly method: DescMethodBiDiStreaming;
  readonly handle: AnyHandler;
  /** The id of a message, as of a binding's message. */
  readonly identify: (message: never) => string;
  /** Called when a stream begins, such as to challenge the client. */
  readonly open: (connection: IngestConnection<never>) => void;
}

/** Work that each process does at an interval. */
export interface IntervalTask {
  /** From the end of one run to the start of the next. */
  readonly everyMs: number;
  readonly handle: AnyHandler;
}
