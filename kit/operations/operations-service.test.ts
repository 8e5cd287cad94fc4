import { describe, expect, test } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { z } from 'zod';
import {
  DiscardDeadLetterRequestSchema,
  GetDeadLetterRequestSchema,
  ListDeadLettersRequestSchema,
  GetParkedEventsRequestSchema,
  ReplayDeadLettersRequestSchema,
  ReplayDeadLetterRequestSchema,
} from '#proto/retail/operations/v1/operations_pb';
import { type Caller, DEFAULT_TENANT, asService } from '../core/caller';
import { Code, unavailable } from '../core/errors';
import { defineEvent } from '../messages/contract';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';
import { operationsHandlers } from './operations-service';

const ID = 'event_1';

async function withDeadLetter() {
  const { runtime } = testbed(new Service('sample', {}));
  const failure = { reason: 'not_found', message: 'not found', attempts: 6 };
  await runtime.deadLetters.store({ id: ID, type: 'a.b', tenantid: DEFAULT_TENANT }, failure);
  const handlers = operationsHandlers(runtime, {
    service: 'sample',
    version: '1',
    instance: 'test',
    startedAt: new Date(0),
    checks: () => Promise.resolve([]),
  });
  const list = (caller: Caller) =>
    handlers.listDeadLetters(create(ListDeadLettersRequestSchema), { caller });
  const calls = (caller: Caller) => [
    () => list(caller),
    () => handlers.getDeadLetter(create(GetDeadLetterRequestSchema, { id: ID }), { caller }),
    () => handlers.replayDeadLetter(create(ReplayDeadLetterRequestSchema, { id: ID }), { caller }),
    () =>
      handlers.discardDeadLetter(create(DiscardDeadLetterRequestSchema, { id: ID }), { caller }),
    () => handlers.replayDeadLetters(create(ReplayDeadLettersRequestSchema), { caller }),
    () => handlers.getParkedEvents(create(GetParkedEventsRequestSchema), { caller }),
  ];
  return { list, calls };
}

const admin: Caller = { userId: 'ada', role: 'admin', tenantId: DEFAULT_TENANT };

describe('the dead letters and parked events of all tenants', () => {
  test.each([
    ['an admin of another tenant', { ...admin, tenantId: 'other' }],
    ['a seller', { ...admin, role: 'seller' as const }],
    ['a customer', { ...admin, role: 'customer' as const }],
    ['an anonymous caller', { ...admin, role: 'anonymous' as const }],
    ['a service', asService()],
  ])('are refused to %s', async (_, caller) => {
    const { calls, list } = await withDeadLetter();
    for (const call of calls(caller)) {
      await expect(call()).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    }
    expect((await list(admin)).total).toBe(1);
  });

  test('are shown to an admin of the platform', async () => {
    const { list } = await withDeadLetter();
    expect((await list(admin)).items).toMatchObject([{ id: ID, reason: 'not_found' }]);
  });
});

test('parked events are listed by what they wait for, with their last failure', async () => {
  const Made = defineEvent('Made', {
    type: 'thing.made',
    description: 'A thing was made.',
    data: z.object({ id: z.string() }),
    subject: ({ id }) => id,
  });
  const service = new Service('sample', {});
  service.on(Made, () => Promise.reject(unavailable('the shelf is being painted')));
  const bed = testbed(service);
  for (const id of ['a', 'b']) await bed.handleEvent(Made, { id });
  const handlers = operationsHandlers(bed.runtime, {
    service: 'sample',
    version: '1',
    instance: 'test',
    startedAt: new Date(0),
    checks: () => Promise.resolve([]),
  });
  const request = create(GetParkedEventsRequestSchema);
  expect(await handlers.getParkedEvents(request, { caller: admin })).toMatchObject({
    items: [
      {
        dependency: 'thing.made',
        events: 2,
        reason: 'unavailable',
        message: 'the shelf is being painted',
      },
    ],
  });
});
