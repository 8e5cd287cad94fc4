import type { DescMethodServerStreaming, DescMethodUnary } from '@bufbuild/protobuf';
import type { z } from 'zod';
import type { Role } from '#kit/core/caller';
import type { EdgeState } from '../edge-state';
import type { AppId } from '../definition';

/**
 * Who may use a route. `anonymous`: everybody, and nobody is known there. `anyone`: signed in or
 * not, but a token that is shown must be good. Else the roles that may.
 */
export type Who = 'anonymous' | 'anyone' | readonly Role[];

/** The HTTP status by the `status` that the answer itself tells. */
export interface ByStatus {
  readonly codes: Readonly<Record<string, number>>;
  /** Of an answer that is a refusal: what is said, and which of its fields are told. */
  readonly refusal?: { readonly error: string; readonly details: readonly string[] };
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** A row of the table: a method and path, and the call that answers it. */
export interface RpcRoute {
  readonly method: Method;
  /** Below /api/v1. What is named in it goes into the field of that name, but `:service`. */
  readonly path: string;
  readonly app: AppId | ':service';
  readonly rpc: DescMethodUnary;
  readonly who: Who;
  readonly status: number | ByStatus;
  /** Fields of the request that are taken from the query, and from the body; no others are. */
  readonly query: readonly string[];
  readonly body: readonly string[];
  /** Whether the same Idempotency-Key of the same user is the same piece of work. */
  readonly idempotent: boolean;
  /** Whether `Prefer: respond-async` is honoured: there is an answer for what is not done yet. */
  readonly async: boolean;
  /** What is limited besides the number of requests: see limits.ts. */
  readonly limit?: 'payment' | 'login';
  /** Whether the last good answer is given while the service is down: never of private data. */
  readonly lastGood: boolean;
  /** Whether it ends a session: then its tokens are refused here from the answer on. */
  readonly signsOut: boolean;
}

/** A row that the gateway answers by itself. */
export interface OwnRoute {
  readonly method: 'GET';
  readonly path: string;
  readonly who: 'anonymous';
  readonly own: (gateway: EdgeState) => unknown;
  /** The form of the answer, for the documents. */
  readonly answers: z.ZodType;
}

/** A row that is answered by events, as they happen. */
export interface StreamRoute {
  readonly method: 'GET';
  readonly path: string;
  readonly app: AppId;
  readonly streams: DescMethodServerStreaming;
  readonly who: Who;
  /** The field of each message that is told: a thing with a status. */
  readonly tells: string;
}

export type Route = RpcRoute | OwnRoute | StreamRoute;

type FieldOf<M extends DescMethodUnary> = keyof M['input']['field'] & string;

interface Columns<M extends DescMethodUnary> {
  readonly who: Who;
  readonly status?: number | ByStatus;
  readonly query?: readonly FieldOf<M>[];
  readonly body?: readonly FieldOf<M>[];
  readonly idempotent?: boolean;
  readonly async?: boolean;
  readonly lastGood?: boolean;
  readonly signsOut?: boolean;
  readonly limit?: 'payment' | 'login';
}

/** A row in full, checked against the messages of its call. */
export function call<M extends DescMethodUnary>(
  method: Method,
  path: string,
  app: AppId | ':service',
  rpc: M,
  columns: Columns<M>,
): RpcRoute {
  const usual = {
    status: 200,
    query: [],
    body: [],
    idempotent: false,
    async: false,
    lastGood: false,
    signsOut: false,
  };
  return { method, path, app, rpc, ...usual, ...columns };
}

/** A row of events, checked against the messages of its call. */
export function events<M extends DescMethodServerStreaming>(
  path: string,
  app: AppId,
  streams: M,
  who: Who,
  tells: keyof M['output']['field'] & string,
): StreamRoute {
  return { method: 'GET', path, app, streams, who, tells };
}

/** A row that the gateway answers by itself, in the form that the schema tells. */
export function own<S extends z.ZodType>(
  path: string,
  answer: (gateway: EdgeState) => z.input<S> | Promise<z.input<S>>,
  answers: S,
): OwnRoute {
  return { method: 'GET', path, who: 'anonymous', own: answer, answers };
}
