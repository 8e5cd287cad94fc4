import { describe, expect, test } from '@jest/globals';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { Code, MicroserviceError } from '../../core/errors';
import {
  errorResponse,
  requestRefusalTrailer,
  fromServiceError,
  refusalFromTrailers,
} from './status';

/** The error that a client receives after a sidecar's attempts failed with these errors. */
function afterAttempts(last: Code, ...errors: MicroserviceError[]): ServiceError {
  const headers: Record<string, string[]> = {};
  for (const error of errors) {
    const result = errorResponse(error, new Metadata());
    const metadata = 'status' in result ? result.status.metadata : undefined;
    for (const [name, value] of Object.entries(metadata?.toHttp2Headers() ?? {})) {
      (headers[name] ??= []).push(String(value).replace(/=+$/, ''));
    }
  }
  // HTTP/2 joins several values of one header
  const joined = Object.entries(headers).map(([name, values]): [string, string] => [
    name,
    values.join(', '),
  ]);
  const metadata = Metadata.fromHttp2Headers(Object.fromEntries(joined));
  return Object.assign(new Error('failed'), { code: last, details: 'failed', metadata });
}

const busy = (message: string) =>
  new MicroserviceError(message, Code.UNAVAILABLE, { reason: 'busy' });

describe('a failed call', () => {
  test('has the error of the service', () => {
    const error = fromServiceError(afterAttempts(Code.UNAVAILABLE, busy('not now')), 'payment');
    expect(error).toMatchObject({ code: Code.UNAVAILABLE, message: 'not now' });
    expect(error.details).toEqual({ reason: 'busy' });
  });

  test.each([1, 2, 3, 4])(
    'has the error of the last attempt, whatever the length of the earlier ones (%i)',
    (length) => {
      const errors = ['x'.repeat(length), 'y', 'the last'].map(busy);
      const error = fromServiceError(afterAttempts(Code.UNAVAILABLE, ...errors), 'payment');
      expect(error.message).toBe('the last');
    },
  );

  test('does not have the error of an earlier attempt if the last one failed differently', () => {
    const error = fromServiceError(afterAttempts(Code.CANCELLED, busy('not now')), 'payment');
    expect(error).toMatchObject({ code: Code.DEADLINE_EXCEEDED, details: { reason: 'timeout' } });
  });
});

test('a refusal is an OK response to a caller that asks for refusals in a trailer', () => {
  const requestMetadata = new Metadata();
  requestRefusalTrailer(requestMetadata);
  const refusal = new MicroserviceError('gone', Code.NOT_FOUND);
  const result = errorResponse(refusal, requestMetadata);
  if (!('trailers' in result)) throw new Error('there is no refusal');
  const received = refusalFromTrailers(result.trailers, 'payment');
  expect(received).toMatchObject({ code: Code.NOT_FOUND, message: 'gone' });
});

test.each([
  [Code.UNAUTHENTICATED, 'service_token'],
  [Code.UNAUTHENTICATED, 'user_assertion'],
  [Code.PERMISSION_DENIED, 'undeclared_call'],
])(
  'a call that is not accepted from this service (%i) is not a refusal, and can be retried',
  (code, reasonCode) => {
    const requestMetadata = new Metadata();
    requestRefusalTrailer(requestMetadata);
    const reason = { reason: reasonCode };
    const notAccepted = new MicroserviceError('not you', code, reason);
    const result = errorResponse(notAccepted, requestMetadata);
    if (!('trailers' in result)) throw new Error('there is no refusal');
    const received = refusalFromTrailers(result.trailers, 'payment');
    expect(received).toMatchObject({ code: Code.UNAVAILABLE, details: reason });
    expect(received?.message).toBe('payment does not accept calls of this service: not you');
  },
);

test('a call that the access list of the sidecar refuses is not a refusal of the service', () => {
  const details =
    'access control policy has denied access to id: spiffe://public/ns/default/order operation: /a.B/C';
  const error = Object.assign(new Error(details), {
    ...{ code: Code.PERMISSION_DENIED, details, metadata: new Metadata() },
  });
  expect(fromServiceError(error, 'payment')).toMatchObject({
    code: Code.UNAVAILABLE,
    message: 'the sidecar of payment does not accept this call of this service',
    details: { reason: 'denied_by_sidecar' },
  });
});
