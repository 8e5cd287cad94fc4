import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  Message,
  MessageShape,
} from '@bufbuild/protobuf';
import type { z } from 'zod';
import type { AuditFacts } from '#kit/core/errors';
import type { Access } from '../auth/access';
import type { Owner } from '../auth/owner';
import type { AppId } from '../definition';
import type { EdgeState } from '../edge-state';

/** The HTTP status of a response, by the `status` field of its data. */
export interface StatusMapping {
  readonly codes: Readonly<Record<string, number>>;
  /** For statuses of 400 and more: the error message, and the fields of the data in its details. */
  readonly refusal?: { readonly error: string; readonly details: readonly string[] };
}

/** Of a body by default. The largest valid one is a command with 32,000 bytes of arguments, written as escapes. */
export const MAX_BODY_BYTES = 128 * 1024;
/** Of a body with credentials, which anyone may send. */
export const MAX_CREDENTIALS_BYTES = 16 * 1024;

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** A route that calls a method of a service. */
export interface RpcRoute {
  readonly method: Method;
  /** Below BASE. A parameter sets the field of its name, except for `:service`. */
  readonly path: string;
  /** `:service`: the path names the app. */
  readonly app: AppId | ':service';
  readonly rpc: DescMethodUnary;
  readonly access: Access;
  /** Of these, each may use the route. */
  readonly owner: Owner | readonly Owner[];
  readonly status: number | StatusMapping;
  /** The fields of the request message that the query may set. */
  readonly query: readonly string[];
  /** The fields of the request message that the body may set. */
  readonly body: readonly string[];
  /** The largest body. */
  readonly maxBodyBytes: number;
  /** Whether it honours an Idempotency-Key. */
  readonly idempotent: boolean;
  /**
   * Of a route that changes something: the method that reads the resource which it changes, by some of the same
   * fields. If-Match and the like are about this resource; its owner checks them (kit/core/precondition.ts).
   * Absent: there is no such resource before the change, or the change depends on no version of it.
   */
  readonly resource?: DescMethodUnary;
  /** Whether it honours `Prefer: respond-async`: its response can describe unfinished work. */
  readonly async: boolean;
  /** A rate limit besides the general one: see rate-limits/tiers.ts. */
  readonly limit?: 'payment' | 'login';
  /** See auth/access.ts. */
  readonly narrowScope?: string;
  /** Whether the last good response is served while the service is down; for public data only. */
  readonly staleIfError: boolean;
  /** Whether it ends a session, whose tokens are refused from then on. */
  readonly endsSession: boolean;
  /** The facts of the response for the audit log. */
  readonly audit?: (response: Message) => AuditFacts;
}

/** A route that the gateway answers itself. */
export interface LocalRoute {
  readonly method: 'GET';
  readonly path: string;
  readonly access: 'anonymous';
  readonly handle: (edge: EdgeState) => unknown;
  /** Schema of the data, for the OpenAPI document. */
  readonly schema: z.ZodType;
}

/** A route that responds with server-sent events. */
export interface StreamRoute {
  readonly method: 'GET';
  readonly path: string;
  readonly app: AppId;
  readonly streams: DescMethodServerStreaming;
  readonly access: Access;
  readonly owner: Owner | readonly Owner[];
  /** The field of each message that is sent: a resource with a `status`. */
  readonly field: string;
}

export type Route = RpcRoute | LocalRoute | StreamRoute;

type FieldOf<M extends DescMethodUnary> = keyof M['input']['field'] & string;

interface Columns<M extends DescMethodUnary> {
  readonly access: Access;
  readonly owner: Owner | readonly Owner[];
  readonly status?: number | StatusMapping;
  readonly query?: readonly FieldOf<M>[];
  readonly body?: readonly FieldOf<M>[];
  readonly idempotent?: boolean;
  readonly resource?: DescMethodUnary;
  readonly async?: boolean;
  readonly staleIfError?: boolean;
  readonly endsSession?: boolean;
  readonly limit?: 'payment' | 'login';
  readonly narrowScope?: string;
  readonly audit?: (response: MessageShape<M['output']>) => AuditFacts;
}

/** A route that calls a method; the names of its fields are checked against the request message. */
export function call<M extends DescMethodUnary>(
  method: Method,
  path: string,
  app: AppId | ':service',
  rpc: M,
  columns: Columns<M>,
): RpcRoute {
  const defaults = {
    status: 200,
    query: [],
    body: [],
    idempotent: false,
    async: false,
    staleIfError: false,
    endsSession: false,
  };
  const { audit, ...others } = columns;
  const maxBodyBytes = columns.owner === 'credentials' ? MAX_CREDENTIALS_BYTES : MAX_BODY_BYTES;
  return {
    method,
    path,
    app,
    rpc,
    ...defaults,
    maxBodyBytes,
    ...others,
    // the response of a call is of this method's type
    ...(audit && { audit: (response: Message) => audit(response as MessageShape<M['output']>) }),
  };
}

/** A route of server-sent events; the name of its field is checked against the message. */
export function events<M extends DescMethodServerStreaming>(
  path: string,
  app: AppId,
  streams: M,
  access: Access,
  owner: Owner,
  field: keyof M['output']['field'] & string,
): StreamRoute {
  return { method: 'GET', path, app, streams, access, owner, field };
}

/** A route that the gateway answers itself; what its function returns is checked against the schema. */
export function local<S extends z.ZodType>(
  path: string,
  handle: (edge: EdgeState) => z.input<S> | Promise<z.input<S>>,
  schema: S,
): LocalRoute {
  return { method: 'GET', path, access: 'anonymous', handle, schema };
}
