import { status as Code } from '@grpc/grpc-js';
import { z } from 'zod';

export { Code };

/** One fault of a request: the field's path in the request, and what is wrong with it. */
export interface FieldError {
  field: string;
  message: string;
}

/** What an error tells besides its message. Never a secret, never personal data. */
export interface ErrorDetails {
  /** A short code for programs, such as `out_of_stock`. */
  reason?: string;
  fields?: FieldError[];
  [name: string]: unknown;
}

/** The one error that crosses a boundary; everything else becomes INTERNAL without its text. */
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
 * Whether asking again can help. A refusal is final: the domain said no. What is no
 * MicroserviceError is a fault of ours or of the machine, and is tried again.
 */
export function isTransient(error: unknown): boolean {
  return !(error instanceof MicroserviceError) || TRANSIENT.has(error.code);
}

/** With what the domain says no. Any other final failure is a fault to be looked into. */
const REFUSALS = [
  Code.INVALID_ARGUMENT,
  Code.FAILED_PRECONDITION,
  Code.NOT_FOUND,
  Code.ALREADY_EXISTS,
  Code.PERMISSION_DENIED,
  Code.UNAUTHENTICATED,
  Code.OUT_OF_RANGE,
] as const;

/** A refusal as it is kept. */
export const Refusal = z.object({
  code: z.enum(Code),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type Refusal = z.infer<typeof Refusal>;

/** What is to be kept of an error by which the domain says no; nothing of any other. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof MicroserviceError)) return undefined;
  const { code, message, details } = error;
  return REFUSALS.some((refusal) => refusal === code) ? { code, message, details } : undefined;
}

export function refusalError({ code, message, details }: Refusal): MicroserviceError {
  return new MicroserviceError(message, code, details);
}

export function invalid(field: string, message: string): MicroserviceError {
  return new MicroserviceError(`${field} ${message}`, Code.INVALID_ARGUMENT, {
    fields: [{ field, message }],
  });
}

/** The domain says no: the request is well formed, but not possible as things stand. */
export function refused(
  reason: string,
  message: string,
  details: ErrorDetails = {},
): MicroserviceError {
  return new MicroserviceError(message, Code.FAILED_PRECONDITION, { ...details, reason });
}

export function notFound(what: string): MicroserviceError {
  return new MicroserviceError(`${what} not found`, Code.NOT_FOUND);
}

export function unavailable(message: string, options?: ErrorOptions): MicroserviceError {
  return new MicroserviceError(message, Code.UNAVAILABLE, {}, options);
}
