import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { z } from 'zod';
import { BadRequestSchema, ErrorInfoSchema } from '#proto/google/rpc/error_details_pb';
import { StatusSchema } from '#proto/google/rpc/status_pb';
import { Code, type ErrorDetails, MicroserviceError, isTransient } from '../../core/errors';
import { UNDECLARED_CALL } from '../../security/call-permissions';
import { SERVICE_TOKEN_REFUSED } from '../../security/service-tokens';

/**
 * The sidecar's circuit breaker counts every status that is not OK as a failure, so ten orders
 * that are not found would cut off a healthy service. A caller that sets ASKED gets a final
 * refusal as an OK answer with the status in this trailer; any other caller gets the status.
 */
const ASKED = 'x-refusals';
const REFUSAL = 'x-refusal-bin';
/** Where gRPC keeps a google.rpc.Status: for clients of any make. */
const RICH = 'grpc-status-details-bin';
/**
 * The same, for the kit. A sidecar that repeats a call hands on what each attempt told, and of
 * names that begin with grpc- what comes several times arrives as one, not to be read any more.
 */
const STATUS = 'x-status-bin';
const DOMAIN = 'omnichannel';

const GrpcCode = z.enum(Code).catch(Code.UNKNOWN);

export function requestRefusalTrailer(metadata: Metadata): void {
  metadata.set(ASKED, 'trailer');
}

/** How to answer with an error: as a status, or as a refusal for one who asked for it. */
export function errorResponse(
  error: MicroserviceError,
  asked: Metadata,
): { status: Partial<ServiceError> } | { trailers: Metadata } {
  const bytes = Buffer.from(toBinary(StatusSchema, toStatus(error)));
  const metadata = new Metadata();
  if (asked.get(ASKED).length > 0 && !isTransient(error)) {
    metadata.set(REFUSAL, bytes);
    return { trailers: metadata };
  }
  metadata.set(RICH, bytes);
  metadata.set(STATUS, bytes);
  return { status: { code: error.code, details: error.message, metadata } };
}

/** The refusal in the trailers of an answer, if there is one. */
export function refusalFromTrailers(
  trailers: Metadata,
  callee: string,
): MicroserviceError | undefined {
  const bytes = trailers.get(REFUSAL).at(-1);
  return Buffer.isBuffer(bytes) ? told(fromStatusBytes(bytes), callee) : undefined;
}

/** That a service is not let in is no refusal of what it asks, and passes when it is known. */
function told(error: MicroserviceError, callee: string): MicroserviceError {
  const { reason } = error.details;
  if (reason !== SERVICE_TOKEN_REFUSED && reason !== UNDECLARED_CALL) return error;
  const message = `${callee} does not let this service in: ${error.message}`;
  return new MicroserviceError(message, Code.UNAVAILABLE, { reason });
}

/** What a failed call means. What no service said, the way to it did. */
export function fromServiceError(error: ServiceError, callee: string): MicroserviceError {
  const bytes = error.metadata.get(STATUS).at(-1);
  const status = Buffer.isBuffer(bytes) ? fromStatusBytes(bytes) : undefined;
  // else it is of an attempt before the one that failed in the end
  if (status?.code === error.code) return told(status, callee);
  const because = { cause: error };
  // an open breaker comes as UNKNOWN, and a call that the sidecar's policy cut off as CANCELLED
  if (error.details.includes('circuit breaker is open')) {
    return new MicroserviceError(
      `${callee} is not called: its circuit breaker is open`,
      Code.UNAVAILABLE,
      { reason: 'circuit_open' },
      because,
    );
  }
  if (error.code === Code.CANCELLED || error.code === Code.DEADLINE_EXCEEDED) {
    const message = `${callee} did not answer in time`;
    return new MicroserviceError(message, Code.DEADLINE_EXCEEDED, { reason: 'timeout' }, because);
  }
  if (error.code === Code.RESOURCE_EXHAUSTED || error.code === Code.UNIMPLEMENTED) {
    return new MicroserviceError(`${callee}: ${error.details}`, error.code, {}, because);
  }
  return new MicroserviceError(
    `${callee} cannot be reached`,
    Code.UNAVAILABLE,
    { reason: 'unreachable' },
    because,
  );
}

function toStatus({ code, message, details }: MicroserviceError) {
  const { reason = '', fields = [], ...rest } = details;
  const metadata = Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
  const info = create(ErrorInfoSchema, { reason, domain: DOMAIN, metadata });
  const packed = [anyPack(ErrorInfoSchema, info)];
  if (fields.length > 0) {
    const fieldViolations = fields.map((fault) => ({
      field: fault.field,
      description: fault.message,
    }));
    packed.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
  }
  return create(StatusSchema, { code, message, details: packed });
}

function fromStatusBytes(bytes: Buffer): MicroserviceError {
  const status = fromBinary(StatusSchema, bytes);
  const details: ErrorDetails = {};
  for (const any of status.details) {
    const info = anyUnpack(any, ErrorInfoSchema);
    if (info !== undefined) {
      Object.assign(details, info.metadata);
      if (info.reason !== '') details.reason = info.reason;
    }
    const bad = anyUnpack(any, BadRequestSchema);
    if (bad !== undefined) {
      details.fields = bad.fieldViolations.map((fault) => ({
        field: fault.field,
        message: fault.description,
      }));
    }
  }
  return new MicroserviceError(status.message, GrpcCode.parse(status.code), details);
}
