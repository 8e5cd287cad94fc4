import { expect, test } from '@jest/globals';
import { FakeClock } from '../../testing/fake-clock';
import { newCallContext } from '../../core/call-context';
import { anonymous, asService } from '../../core/caller';
import { callContextFromMetadata, callContextToMetadata, statedCaller } from './metadata';

const clock = new FakeClock();
const caller = {
  userId: 'key_1',
  role: 'seller',
  tenantId: 'shop',
  ownerId: 'user_1',
} as const;
const verified = { caller, assertion: 'a.b.c' };
const callContext = newCallContext(clock, {
  id: 'context_1',
  correlationId: 'c',
  requestId: 'r',
  ...verified,
  respondAsync: true,
  hasIdempotencyKey: true,
  precondition: { match: ['a'], noneMatch: '*', unmodifiedSince: 1 },
  forwardedFor: '192.0.2.1',
});

test('a call context arrives as it was sent, with a new span', () => {
  const { traceparent, ...received } = callContextFromMetadata(
    callContextToMetadata(callContext, 'order'),
    callContext.deadline,
    clock,
    verified,
  );
  expect({ ...received, traceparent: callContext.traceparent }).toEqual(callContext);
  expect(traceparent.split('-')[1]).toBe(callContext.traceparent.split('-')[1]);
});

test('a user is stated by the assertion alone, a service and an anonymous caller by role and tenant', () => {
  const stated = (given: Partial<typeof callContext>) =>
    statedCaller(callContextToMetadata({ ...callContext, ...given }, 'order'));
  expect(stated({})).toEqual({ assertion: 'a.b.c', otherwise: anonymous() });
  for (const other of [asService('shop'), anonymous('shop'), asService(), anonymous()]) {
    expect(stated({ caller: other })).toEqual({ assertion: '', otherwise: other });
  }
  const text = JSON.stringify(callContextToMetadata(callContext, 'order').getMap());
  expect(text).not.toMatch(/user_1|key_1/);
});

test('a call carries the app id of the callee and the IP address of the client', () => {
  const metadata = callContextToMetadata(callContext, 'order');
  const received = () => callContextFromMetadata(metadata, undefined, clock, verified);
  expect(metadata.get('x-gateway-service')).toEqual(['order']);
  // sidecars on the way append their addresses
  metadata.add('x-forwarded-for', '10.0.0.7');
  expect(received().forwardedFor).toBe('192.0.2.1');
  metadata.set('x-forwarded-for', '192.0.2.1, 10.0.0.7');
  expect(received().forwardedFor).toBe('192.0.2.1');
});

test('a call without a request at the edge carries neither', () => {
  const metadata = callContextToMetadata(newCallContext(clock), 'order');
  expect(metadata.get('x-gateway-service')).toEqual([]);
  expect(callContextFromMetadata(metadata, undefined, clock, verified).forwardedFor).toBe('');
});
