import { expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { defineCommand, defineEvent } from '../messages/contract';
import { COMMAND_RETRY_MS, MAX_ATTEMPTS } from './event-dispatcher';
import { refused, unavailable } from '../core/errors';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';

const Thing = z.object({ id: z.string() });
const ThingMade = defineEvent('ThingMade', {
  type: 'thing.made',
  description: 'A thing was made.',
  data: Thing,
  subject: ({ id }) => id,
});

function shelf() {
  const service = new Service('shelf', { stores: { things: Thing } });
  let failing = false;
  service.on(ThingMade, async ({ id }, { things }) => {
    if (failing) throw unavailable('the shelf is being painted');
    await things.update(id, (now) => now ?? { id });
  });
  const bed = testbed(service);
  const event = {
    specversion: '1.0',
    id: 'event_1',
    type: 'thing.made',
    source: 'test',
    tenantid: 'default',
    data: { id: 'thing_1' },
  };
  return {
    bed,
    deliver: () => bed.deliver(event),
    letters: async () => (await bed.runtime.deadLetters.page(1, 10)).letters,
    startFailing: () => (failing = true),
    stopFailing: () => (failing = false),
  };
}

test('an event whose handler fails is redelivered until it succeeds', async () => {
  const { bed, deliver, letters, startFailing, stopFailing } = shelf();
  startFailing();
  for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) expect(await deliver()).toBe('RETRY');
  stopFailing();
  expect(await deliver()).toBe('SUCCESS');
  expect(await bed.context().things.get('thing_1')).toEqual({ id: 'thing_1' });
  expect(await letters()).toEqual([]);
});

test('an event whose handler keeps failing becomes a dead letter with the last error', async () => {
  const { deliver, letters, startFailing } = shelf();
  startFailing();
  for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) expect(await deliver()).toBe('RETRY');
  expect(await letters()).toEqual([]);
  expect(await deliver()).toBe('SUCCESS');
  expect(await letters()).toMatchObject([
    {
      id: 'event_1',
      reason: 'unavailable',
      message: 'the shelf is being painted',
      attempts: MAX_ATTEMPTS,
    },
  ]);
});

test('an event is not acknowledged before its dead letter is stored', async () => {
  const { bed, deliver, letters, startFailing } = shelf();
  startFailing();
  for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) await deliver();
  const full = jest.spyOn(bed.sidecar, 'save').mockRejectedValue(unavailable('the store is full'));
  expect(await deliver()).toBe('RETRY');
  full.mockRestore();
  expect(await deliver()).toBe('SUCCESS');
  expect(await letters()).toMatchObject([{ message: 'the shelf is being painted' }]);
});

test('a command is retried for minutes while a dependency is unavailable', async () => {
  const MakeThing = defineCommand('MakeThing', {
    type: 'thing.make',
    description: 'Make a thing.',
    data: Thing,
    subject: ({ id }) => id,
  });
  const service = new Service('shelf', { stores: { things: Thing }, publishes: [MakeThing] });
  let failure: Error | undefined;
  service.on(MakeThing, async ({ id }, { things }) => {
    if (failure !== undefined) throw failure;
    await things.update(id, (now) => now ?? { id });
  });
  const bed = testbed(service);
  const letters = async () => (await bed.runtime.deadLetters.page(1, 10)).total;
  const make = (id: string) => bed.handleEvent(MakeThing, { id }, { id });

  failure = unavailable('the carpenter is unavailable');
  // however many series of deliveries the bus runs concurrently
  for (let attempt = 0; attempt < 500; attempt++) expect(await make('late')).toBe('RETRY');
  bed.clock.advance(COMMAND_RETRY_MS - 1_000);
  expect(await make('late')).toBe('RETRY');
  failure = undefined;
  expect(await make('late')).toBe('SUCCESS');
  expect(await bed.context().things.get('late')).toEqual({ id: 'late' });

  failure = unavailable('the carpenter is unavailable');
  expect(await make('never')).toBe('RETRY');
  bed.clock.advance(COMMAND_RETRY_MS);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) await make('never');
  expect(await letters()).toBe(1);

  // an error of the service itself needs an operator
  failure = new Error('the saw is broken');
  for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) expect(await make('odd')).toBe('RETRY');
  expect(await letters()).toBe(1);
  expect(await make('odd')).toBe('SUCCESS');
  expect(await letters()).toBe(2);
});

test('the result of a slow command is stored before the bus redelivers the command', async () => {
  const MakeThing = defineCommand('MakeThing', {
    type: 'thing.make',
    description: 'Make a thing.',
    data: Thing,
    subject: ({ id }) => id,
  });
  const service = new Service('shelf', { publishes: [MakeThing] });
  service.on(MakeThing, async ({ id }, { clock }) => {
    await clock.sleep(18_000);
    if (id === 'refused') throw refused('too_large', 'it does not fit');
  });
  const bed = testbed(service);
  const timeouts: number[] = [];
  const save = bed.sidecar.save.bind(bed.sidecar);
  jest.spyOn(bed.sidecar, 'save').mockImplementation(async (key, value, etag, timeout, ttl) => {
    if (key.startsWith('outcome:')) timeouts.push(timeout);
    return save(key, value, etag, timeout, ttl);
  });
  for (const id of ['made', 'refused']) {
    expect(await bed.handleEvent(MakeThing, { id }, { id })).toBe('SUCCESS');
  }
  expect(timeouts).toEqual([2_000, 2_000]);
});
