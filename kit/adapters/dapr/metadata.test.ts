import { expect, test } from '@jest/globals';
import { FakeClock } from '../../testing/fake-clock';
import { newCallContext } from '../../core/call-context';
import { callContextFromMetadata, callContextToMetadata } from './metadata';

const clock = new FakeClock();
const caller = { userId: 'user_1', role: 'customer', tenantId: 'shop' } as const;
const callContext = newCallContext(clock, {
  ...{ id: 'cause_1', correlationId: 'c', requestId: 'r', caller },
  ...{ respondAsync: true, hasIdempotencyKey: true, forwardedFor: '192.0.2.1' },
});

test('a cause arrives as it was sent, but for its span', () => {
  const { traceparent, ...arrived } = callContextFromMetadata(
    callContextToMetadata(callContext, 'order'),
    callContext.deadline,
    clock,
  );
  expect({ ...arrived, traceparent: callContext.traceparent }).toEqual(callContext);
  expect(traceparent.split('-')[1]).toBe(callContext.traceparent.split('-')[1]);
});

test('a service is told by which name the edge knows it, and whom it asks for', () => {
  const metadata = callContextToMetadata(callContext, 'order');
  expect(metadata.get('x-gateway-service')).toEqual(['order']);
  // as sidecars on the way add themselves
  metadata.add('x-forwarded-for', '10.0.0.7');
  expect(callContextFromMetadata(metadata, undefined, clock).forwardedFor).toBe('192.0.2.1');
  metadata.set('x-forwarded-for', '192.0.2.1, 10.0.0.7');
  expect(callContextFromMetadata(metadata, undefined, clock).forwardedFor).toBe('192.0.2.1');
});

test('work that no request began comes from nowhere', () => {
  const metadata = callContextToMetadata(newCallContext(clock), 'order');
  expect(metadata.get('x-gateway-service')).toEqual([]);
  expect(callContextFromMetadata(metadata, undefined, clock).forwardedFor).toBe('');
});
