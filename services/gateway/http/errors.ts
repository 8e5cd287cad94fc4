import { Code, MicroserviceError } from '#kit/core/errors';
import { PRECONDITION_FAILED } from '#kit/core/precondition';

/** An error of the gateway itself, with its HTTP status. */
export class EdgeError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly details: object = {},
  ) {
    super(message);
    this.name = 'EdgeError';
  }
}

/** An error as the client receives it. */
export interface ErrorBody {
  readonly statusCode: number;
  readonly error: string;
  readonly details: object;
}

const STATUS: Partial<Record<Code, number>> = {
  [Code.INVALID_ARGUMENT]: 422,
  [Code.FAILED_PRECONDITION]: 422,
  [Code.UNAUTHENTICATED]: 401,
  [Code.PERMISSION_DENIED]: 403,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.ABORTED]: 409,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.UNAVAILABLE]: 503,
  [Code.DEADLINE_EXCEEDED]: 504,
};

/** Statuses that say more than the code does. */
const BY_REASON: Readonly<Record<string, number>> = {
  unreachable: 502,
  [PRECONDITION_FAILED]: 412,
};

/** Replaces the text of a server-side failure, which is written for operators. */
const SERVER_ERRORS: Readonly<Record<number, string>> = {
  500: 'internal error',
  502: 'a required service cannot be reached',
  503: 'temporarily unavailable, try again later',
  504: 'timed out; the request may still take effect',
};

/** Replaces the text of the body parser, which may repeat parts of the request. */
const PARSER_ERRORS: Readonly<Record<number, string>> = {
  415: 'the content-encoding must be gzip, deflate, br or zstd',
};

/** Maps any error to what the client receives. */
export function toErrorBody(error: unknown): ErrorBody {
  if (error instanceof EdgeError) {
    return { statusCode: error.status, error: error.message, details: error.details };
  }
  if (error instanceof MicroserviceError) return fromService(error);
  const status = parserStatus(error);
  if (status === undefined) return serverError(500);
  const text = PARSER_ERRORS[status] ?? 'the request is malformed';
  return { statusCode: status, error: text, details: {} };
}

function fromService({ code, message, details }: MicroserviceError): ErrorBody {
  const status = BY_REASON[details.reason ?? ''] ?? STATUS[code] ?? 500;
  if (status >= 500) return serverError(status);
  const { audit: _, ...forClient } = details;
  return { statusCode: status, error: message, details: forClient };
}

function serverError(status: number): ErrorBody {
  return { statusCode: status, error: SERVER_ERRORS[status] ?? '', details: {} };
}

/** The status of an error that Express or its body parser found in a request. */
function parserStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('status' in error)) return undefined;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
