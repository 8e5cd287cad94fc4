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

/** How a service answers: a handler for each of its methods. */
export type Handlers<S extends DescService, C> = {
  readonly [M in keyof S['method'] as S['method'][M] extends DescMethodUnary ? M : never]: (
    request: MessageShape<UnaryOf<S>[M]['input']>,
    context: C,
  ) => Promise<MessageInitShape<UnaryOf<S>[M]['output']>>;
};

/** The same for its methods that answer by many messages. */
export type StreamHandlers<S extends DescService, C> = {
  readonly [
    M in keyof S['method'] as S['method'][M] extends DescMethodServerStreaming ? M : never
  ]: S['method'][M] extends DescMethodServerStreaming
    ? (
        request: MessageShape<S['method'][M]['input']>,
        context: C,
        /** Aborted when nobody listens any more, or the service stops. */
        ended: AbortSignal,
      ) => AsyncIterable<MessageInitShape<S['method'][M]['output']>>
    : never;
};

export interface BindingMessage {
  readonly data: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A handler as it is kept: its types were checked where it was declared. */
export type AnyHandler = (
  input: never,
  context: never,
  meta: never,
) => Promise<unknown> | AsyncIterable<unknown>;
/** The same, as a host calls it. */
export type Handler = (input: unknown, context: unknown, meta?: unknown) => Promise<unknown>;
/** The same of a call that is answered by many messages. */
export type StreamHandler = (
  input: unknown,
  context: unknown,
  ended: AbortSignal,
) => AsyncIterable<unknown>;

/**
 * How many events the sidecar hands over at once. That saves an exchange for each, so it is for what
 * comes in masses and is soon done. Each is handled on its own, under its own cause, those about one
 * subject one after the other; one that is to come again does not bring the others again, but the
 * topic's next batch waits for it. Where the bus has no batches of its own (docs/brokers.md), one is
 * given when it is full, holds all that the sidecar's workers have, or its time is over.
 */
export interface BatchOptions {
  readonly maxEvents: number;
  /** How long the first one of a batch waits for others. */
  readonly maxWaitMs: number;
}

export interface EventHandler {
  readonly contract: Contract;
  readonly handle: AnyHandler;
  readonly batches?: BatchOptions | undefined;
}

export interface BindingHandler {
  readonly handle: AnyHandler;
  /** The identity of a message, so that the same one delivered twice has its effect once. */
  readonly identify: (message: BindingMessage) => string | undefined;
}

export interface JobHandler {
  readonly data: z.ZodType;
  readonly handle: AnyHandler;
}

/** A client from outside, as long as its stream lasts. */
export interface IngestConnection<M = object> {
  /** Sends it something that it has not asked for; nothing where it is gone. */
  write(message: M): void;
  readonly closed: AbortSignal;
}

export interface IngestHandler {
  readonly method: DescMethodBiDiStreaming;
  readonly handle: AnyHandler;
  /** The identity of a message, as of a binding's. */
  readonly identify: (message: never) => string;
}

export interface IntervalTask {
  readonly everyMs: number;
  readonly handle: AnyHandler;
}
