import { expect, test } from '@jest/globals';
import { FakeClock } from '../../testing/fake-clock';
import { newCallContext } from '../../core/call-context';
import { callContextFromMetadata, callContextToMetadata } from './metadata';

const clock = new FakeClock();
const caller = {
  userId: 'key_1',
  role: 'seller',
  tenantId: 'shop',
  ownerId: 'user_1',
} as const;
const callContext = newCallContext(clock, {
  id: 'context_1',
  correlationId: 'c',
  requestId: 'r',
  caller,
  respondAsync: true,
  hasIdempotencyKey: true,
  forwardedFor: '192.0.2.1',
});

test('a call context arrives as it was sent, with a new span', () => {
  const { traceparent, ...received } = callContextFromMetadata(
    callContextToMetadata(callContext, 'order'),
    callContext.deadline,
    clock,
  );
  expect({ ...received, traceparent: callContext.traceparent }).toEqual(callContext);
  expect(traceparent.split('-')[1]).toBe(callContext.traceparent.split('-')[1]);
});

test('a call carries the app id of the callee and the IP address of the client', () => {
  const metadata = callContextToMetadata(callContext, 'order');
  expect(metadata.get('x-gateway-service')).toEqual(['order']);
  // sidecars on the way append their addresses
  metadata.add('x-forwarded-for', '10.0.0.7');
  expect(callContextFromMetadata(metadata, undefined, clock).forwardedFor).toBe('192.0.2.1');
  metadata.set('x-forwarded-for', '192.0.2.1, 10.0.0.7');
  expect(callContextFromMetadata(metadata, undefined, clock).forwardedFor).toBe('192.0.2.1');
});

test('a call without a request at the edge carries neither', () => {
  const metadata = callContextToMetadata(newCallContext(clock), 'order');
  expect(metadata.get('x-gateway-service')).toEqual([]);
  expect(callContextFromMetadata(metadata, undefined, clock).forwardedFor).toBe('');
});
