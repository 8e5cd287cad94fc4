import { status as Code } from '@grpc/grpc-js';
import { z } from 'zod';

export { Code };

/** An error in one field of a request. */
export interface FieldError {
  /** The path of the field, such as `items.0.quantity`; empty for the request itself. */
  field: string;
  /** Follows the name of the field: `must be at least 1`. */
  message: string;
}

/** Facts for the audit log: ids, and names that are ours. */
export type AuditFacts = Readonly<Record<string, string | number | readonly string[]>>;

/** The data of an error besides its message. Never a secret or personal data. */
export interface ErrorDetails {
  /** A short code for programs, such as `out_of_stock`. */
  reason?: string;
  fields?: FieldError[];
  /** For the audit log of the edge, which removes it: clients never receive it. */
  audit?: AuditFacts;
  [name: string]: unknown;
}

/** The only error that crosses a process boundary. Any other becomes INTERNAL without its message. */
export class MicroserviceError extends Error {
  constructor(
    message: string,
    readonly code: Code,
    readonly details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'MicroserviceError';
  }
}

const TRANSIENT: ReadonlySet<Code> = new Set([
  Code.UNAVAILABLE,
  Code.DEADLINE_EXCEEDED,
  Code.RESOURCE_EXHAUSTED,
  Code.ABORTED,
  Code.CANCELLED,
  Code.INTERNAL,
  Code.UNKNOWN,
]);

/**
 * Whether a retry may succeed. A refusal by the domain is final. An error that is not a
 * MicroserviceError is a bug or a failure of the machine, and is retried.
 */
export function isTransient(error: unknown): boolean {
  return !(error instanceof MicroserviceError) || TRANSIENT.has(error.code);
}

const UNAVAILABLE: ReadonlySet<Code> = new Set([
  Code.UNAVAILABLE,
  Code.DEADLINE_EXCEEDED,
  Code.RESOURCE_EXHAUSTED,
]);

/**
 * Whether a dependency is down, slow or overloaded. With any other transient error, this service is at
 * fault. Says nothing about the effect of the call: it may have happened. See `wasNotReached`.
 */
export function isUnavailable(error: unknown): boolean {
  return error instanceof MicroserviceError && UNAVAILABLE.has(error.code);
}

/**
 * Whether the call did not reach the callee, so that it had no effect there. False after a timeout,
 * where the effect is unknown.
 */
export function wasNotReached(error: unknown): boolean {
  return error instanceof MicroserviceError && error.code === Code.UNAVAILABLE;
}

/** Codes of a refusal by the domain. */
const REFUSALS = [
  Code.INVALID_ARGUMENT,
  Code.FAILED_PRECONDITION,
  Code.NOT_FOUND,
  Code.ALREADY_EXISTS,
  Code.PERMISSION_DENIED,
  Code.UNAUTHENTICATED,
  Code.OUT_OF_RANGE,
] as const;

/** A refusal as it is stored. */
export const Refusal = z.object({
  code: z.enum(Code),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type Refusal = z.infer<typeof Refusal>;

/** The refusal in an error; undefined if the error is not a refusal by the domain. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof MicroserviceError)) return undefined;
  const { code, message, details } = error;
  return REFUSALS.some((refusal) => refusal === code) ? { code, message, details } : undefined;
}

/**
 * Why an event could not be handled:
 * - `refused`: by the domain, which is final
 * - `unreadable`: it does not match its contract, which is final
 * - `unavailable`: a dependency is down, slow or overloaded, or too many others change the same document. It
 *   passes.
 * - `fault`: a bug of this service or of one that it calls, or a failure that looks like one
 */
export type FailureClass = 'refused' | 'unreadable' | 'unavailable' | 'fault';

export function failureClassOf(error: unknown): FailureClass {
  if (refusalOf(error) !== undefined) return 'refused';
  if (!(error instanceof MicroserviceError)) return 'fault';
  if (error.code === Code.DATA_LOSS && error.details.reason === 'unreadable') return 'unreadable';
  return isUnavailable(error) || error.code === Code.ABORTED ? 'unavailable' : 'fault';
}

/** The error of a stored refusal. */
export function refusalError({ code, message, details }: Refusal): MicroserviceError {
  return new MicroserviceError(message, code, details);
}

/** INVALID_ARGUMENT for one field. `message` follows the name of the field: `must be at least 1`. */
export function invalid(field: string, message: string): MicroserviceError {
  return new MicroserviceError(`${field} ${message}`, Code.INVALID_ARGUMENT, {
    fields: [{ field, message }],
  });
}

/** FAILED_PRECONDITION: the request is well-formed, but the current state does not allow it. */
export function refused(
  reason: string,
  message: string,
  details: ErrorDetails = {},
): MicroserviceError {
  return new MicroserviceError(message, Code.FAILED_PRECONDITION, { ...details, reason });
}

/** NOT_FOUND. `name` is the kind of entity, such as `order`. */
export function notFound(name: string): MicroserviceError {
  return new MicroserviceError(`${name} not found`, Code.NOT_FOUND);
}

/**
 * DEADLINE_EXCEEDED: a command has taken longer than its caller waits. It is executed all the same. `what` is
 * the work, such as `the update`.
 */
export function stillInProgress(what: string): MicroserviceError {
  const message = `${what} is still in progress; retry with the same Idempotency-Key`;
  return new MicroserviceError(message, Code.DEADLINE_EXCEEDED);
}

export function unavailable(message: string, options?: ErrorOptions): MicroserviceError {
  return new MicroserviceError(message, Code.UNAVAILABLE, {}, options);
}

/**
 * The data does not match its contract. A retry fails in the same way, so it is DATA_LOSS and
 * final.
 */
export function unreadableError(message: string): MicroserviceError {
  return new MicroserviceError(message, Code.DATA_LOSS, { reason: 'unreadable' });
}

/** Runs a parser, and throws its error as an `unreadableError`. */
export function rethrowAsUnreadable<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw unreadableError(error instanceof z.ZodError ? z.prettifyError(error) : String(error));
  }
}
