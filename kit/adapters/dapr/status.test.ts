import { describe, expect, test } from '@jest/globals';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { Code, MicroserviceError } from '../../core/errors';
import {
  errorResponse,
  requestRefusalTrailer,
  fromServiceError,
  refusalFromTrailers,
} from './status';

/** What a client gets after a sidecar has tried so often, each time with one of these answers. */
function afterAttempts(last: Code, ...errors: MicroserviceError[]): ServiceError {
  const headers: Record<string, string[]> = {};
  for (const error of errors) {
    const answered = errorResponse(error, new Metadata());
    const metadata = 'status' in answered ? answered.status.metadata : undefined;
    for (const [name, value] of Object.entries(metadata?.toHttp2Headers() ?? {})) {
      (headers[name] ??= []).push(String(value).replace(/=+$/, ''));
    }
  }
  // HTTP/2 makes one of what comes several times
  const joined = Object.entries(headers).map(([name, values]): [string, string] => [
    name,
    values.join(', '),
  ]);
  const metadata = Metadata.fromHttp2Headers(Object.fromEntries(joined));
  return Object.assign(new Error('failed'), { code: last, details: 'failed', metadata });
}

const busy = (message: string) =>
  new MicroserviceError(message, Code.UNAVAILABLE, { reason: 'busy' });

describe('a call that failed', () => {
  test('tells what the service told', () => {
    const told = fromServiceError(afterAttempts(Code.UNAVAILABLE, busy('not now')), 'payment');
    expect(told).toMatchObject({ code: Code.UNAVAILABLE, message: 'not now' });
    expect(told.details).toEqual({ reason: 'busy' });
  });

  test.each([1, 2, 3, 4])('tells the last, however long each of the others was (%i)', (length) => {
    const errors = ['x'.repeat(length), 'y', 'the last'].map(busy);
    const told = fromServiceError(afterAttempts(Code.UNAVAILABLE, ...errors), 'payment');
    expect(told.message).toBe('the last');
  });

  test('is not what an attempt before told, where the last came to something else', () => {
    const told = fromServiceError(afterAttempts(Code.CANCELLED, busy('not now')), 'payment');
    expect(told).toMatchObject({ code: Code.DEADLINE_EXCEEDED, details: { reason: 'timeout' } });
  });
});

test('a refusal comes to who asked for it with an answer that is OK', () => {
  const asked = new Metadata();
  requestRefusalTrailer(asked);
  const refusal = new MicroserviceError('gone', Code.NOT_FOUND);
  const answered = errorResponse(refusal, asked);
  if (!('trailers' in answered)) throw new Error('it is no refusal');
  const told = refusalFromTrailers(answered.trailers, 'payment');
  expect(told).toMatchObject({ code: Code.NOT_FOUND, message: 'gone' });
});

test.each([
  [Code.UNAUTHENTICATED, 'service_token'],
  [Code.PERMISSION_DENIED, 'undeclared_call'],
])(
  'that a service is not let in (%i) is no refusal of what it asks: it may ask again',
  (code, why) => {
    const asked = new Metadata();
    requestRefusalTrailer(asked);
    const reason = { reason: why };
    const turnedAway = new MicroserviceError('not you', code, reason);
    const answered = errorResponse(turnedAway, asked);
    if (!('trailers' in answered)) throw new Error('it is no refusal');
    const told = refusalFromTrailers(answered.trailers, 'payment');
    expect(told).toMatchObject({ code: Code.UNAVAILABLE, details: reason });
    expect(told?.message).toBe('payment does not let this service in: not you');
  },
);
