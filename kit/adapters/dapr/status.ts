import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { z } from 'zod';
import { BadRequestSchema, ErrorInfoSchema } from '#proto/google/rpc/error_details_pb';
import { StatusSchema } from '#proto/google/rpc/status_pb';
import { Code, type ErrorDetails, MicroserviceError, isTransient } from '../../core/errors';
import { UNDECLARED_CALL } from '../../security/call-permissions';
import { SERVICE_TOKEN_REFUSED } from '../../security/service-tokens';
import { USER_ASSERTION_REFUSED } from '../../security/user-assertions';

/**
 * The sidecar's circuit breaker counts every status that is not OK as a failure, so ten orders that are
 * not found would cut off a healthy service. A caller that sets REFUSALS_KEY gets a refusal as an OK
 * response with the status in the trailer REFUSAL_KEY; any other caller gets the status.
 */
const REFUSALS_KEY = 'x-refusals';
const REFUSAL_KEY = 'x-refusal-bin';
/** The standard key of a google.rpc.Status, for gRPC clients in any language. */
const RICH_STATUS_KEY = 'grpc-status-details-bin';
/**
 * The same status for the kit. A sidecar that retries a call passes on the metadata of every attempt, and
 * joins several values of a `grpc-` key into one that cannot be parsed.
 */
const STATUS_KEY = 'x-status-bin';
const DOMAIN = 'omnichannel';
/** The reason of a call that the access list of the callee's sidecar does not contain. */
export const DENIED_BY_SIDECAR = 'denied_by_sidecar';

/** The reasons of a callee that does not accept the caller. */
const NOT_ACCEPTED: ReadonlySet<string> = new Set([
  SERVICE_TOKEN_REFUSED,
  USER_ASSERTION_REFUSED,
  UNDECLARED_CALL,
]);
/** How the callee's sidecar says that its access list does not contain the call. */
const ACCESS_DENIED = 'access control policy has denied access';

const GrpcCode = z.enum(Code).catch(Code.UNKNOWN);

/** Asks the callee for refusals in a trailer. */
export function requestRefusalTrailer(metadata: Metadata): void {
  metadata.set(REFUSALS_KEY, 'trailer');
}

/**
 * The response to a call that failed: a status, or a refusal in a trailer if the caller asked for
 * that.
 */
export function errorResponse(
  error: MicroserviceError,
  requestMetadata: Metadata,
): { status: Partial<ServiceError> } | { trailers: Metadata } {
  const bytes = Buffer.from(toBinary(StatusSchema, toStatus(error)));
  const metadata = new Metadata();
  if (requestMetadata.get(REFUSALS_KEY).length > 0 && !isTransient(error)) {
    metadata.set(REFUSAL_KEY, bytes);
    return { trailers: metadata };
  }
  metadata.set(RICH_STATUS_KEY, bytes);
  metadata.set(STATUS_KEY, bytes);
  return { status: { code: error.code, details: error.message, metadata } };
}

/** The refusal in the trailers of a response, if there is one. */
export function refusalFromTrailers(
  trailers: Metadata,
  callee: string,
): MicroserviceError | undefined {
  const bytes = trailers.get(REFUSAL_KEY).at(-1);
  return Buffer.isBuffer(bytes) ? callError(fromStatusBytes(bytes), callee) : undefined;
}

/**
 * The error of a call. A callee that does not accept this service as a caller has not refused the request:
 * that is UNAVAILABLE, and a retry may succeed once the token, assertion or declaration is known there.
 */
function callError(error: MicroserviceError, callee: string): MicroserviceError {
  const { reason } = error.details;
  if (reason === undefined || !NOT_ACCEPTED.has(reason)) return error;
  const message = `${callee} does not accept calls of this service: ${error.message}`;
  return new MicroserviceError(message, Code.UNAVAILABLE, { reason });
}

/**
 * The error of a failed call. A status that the callee did not set comes from a sidecar or the
 * network.
 */
export function fromServiceError(error: ServiceError, callee: string): MicroserviceError {
  const bytes = error.metadata.get(STATUS_KEY).at(-1);
  const status = Buffer.isBuffer(bytes) ? fromStatusBytes(bytes) : undefined;
  // with another code it belongs to an earlier attempt than the one that failed last
  if (status?.code === error.code) return callError(status, callee);
  const options = { cause: error };
  // an open breaker is reported as UNKNOWN, and a call that a policy of the sidecar cut off as CANCELLED
  if (error.details.includes('circuit breaker is open')) {
    return new MicroserviceError(
      `${callee} was not called: its circuit breaker is open`,
      Code.UNAVAILABLE,
      { reason: 'circuit_open' },
      options,
    );
  }
  if (error.code === Code.PERMISSION_DENIED && error.details.includes(ACCESS_DENIED)) {
    return new MicroserviceError(
      `the sidecar of ${callee} does not accept this call of this service`,
      Code.UNAVAILABLE,
      { reason: DENIED_BY_SIDECAR },
      options,
    );
  }
  if (error.code === Code.CANCELLED || error.code === Code.DEADLINE_EXCEEDED) {
    const message = `${callee} did not answer in time`;
    return new MicroserviceError(message, Code.DEADLINE_EXCEEDED, { reason: 'timeout' }, options);
  }
  if (error.code === Code.RESOURCE_EXHAUSTED || error.code === Code.UNIMPLEMENTED) {
    return new MicroserviceError(`${callee}: ${error.details}`, error.code, {}, options);
  }
  return new MicroserviceError(
    `${callee} cannot be reached`,
    Code.UNAVAILABLE,
    { reason: 'unreachable' },
    options,
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
  const packedDetails = [anyPack(ErrorInfoSchema, info)];
  if (fields.length > 0) {
    const fieldViolations = fields.map(({ field, message: description }) => ({
      field,
      description,
    }));
    packedDetails.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
  }
  return create(StatusSchema, { code, message, details: packedDetails });
}

function fromStatusBytes(bytes: Buffer): MicroserviceError {
  const status = fromBinary(StatusSchema, bytes);
  const details: ErrorDetails = {};
  for (const packed of status.details) {
    const info = anyUnpack(packed, ErrorInfoSchema);
    if (info !== undefined) {
      Object.assign(details, info.metadata);
      if (info.reason !== '') details.reason = info.reason;
    }
    const badRequest = anyUnpack(packed, BadRequestSchema);
    if (badRequest !== undefined) {
      details.fields = badRequest.fieldViolations.map(({ field, description }) => ({
        field,
        message: description,
      }));
    }
  }
  return new MicroserviceError(status.message, GrpcCode.parse(status.code), details);
}
