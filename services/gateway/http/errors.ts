import { Code, MicroserviceError } from '#kit/core/errors';

/** What the edge refuses by itself, in the terms of HTTP. */
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

export interface ErrorAnswer {
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

/** What is told of a fault that is not the client's: its own text is for operators. */
const FAULTS: Readonly<Record<number, string>> = {
  500: 'internal error',
  502: 'a service that this needs cannot be reached',
  503: 'this cannot be done at the moment, try again later',
  504: 'this took too long',
};

/** What is told of a request that could not be read: the reader's own text may repeat parts of it. */
const UNREADABLE: Readonly<Record<number, string>> = {
  413: 'the body is larger than 1 MiB',
  415: 'the body must be JSON in UTF-8 (content-type: application/json)',
};

/** How an error is told to the client. */
export function toErrorAnswer(error: unknown): ErrorAnswer {
  if (error instanceof EdgeError) {
    return { statusCode: error.status, error: error.message, details: error.details };
  }
  if (error instanceof MicroserviceError) return fromService(error);
  const status = readingStatus(error);
  if (status === undefined) return fault(500);
  const text = UNREADABLE[status] ?? 'the request cannot be read';
  return { statusCode: status, error: text, details: {} };
}

function fromService({ code, message, details }: MicroserviceError): ErrorAnswer {
  const unreachable = code === Code.UNAVAILABLE && details.reason === 'unreachable';
  const status = unreachable ? 502 : (STATUS[code] ?? 500);
  return status >= 500 ? fault(status) : { statusCode: status, error: message, details };
}

function fault(status: number): ErrorAnswer {
  return { statusCode: status, error: FAULTS[status] ?? '', details: {} };
}

/** The status of an error that express or its body parser found in a request. */
function readingStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('status' in error)) return undefined;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
