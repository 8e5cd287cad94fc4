import { expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { defineCommand, defineEvent } from '../messages/contract';
import { COMMAND_RETRY_MS, MAX_ATTEMPTS } from './event-dispatcher';
import { unavailable } from '../core/errors';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';

const Thing = z.object({ id: z.string() });
const ThingMade = defineEvent('ThingMade', {
  type: 'thing.made',
  description: 'A thing is there.',
  data: Thing,
  subject: ({ id }) => id,
});

function shelf() {
  const service = new Service('shelf', { stores: { things: Thing } });
  let down = false;
  service.on(ThingMade, async ({ id }, { things }) => {
    if (down) throw unavailable('the shelf is being painted');
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
    breakDown: () => (down = true),
    mend: () => (down = false),
  };
}

test('an event whose handler fails is given again, and handled once it can be', async () => {
  const { bed, deliver, letters, breakDown, mend } = shelf();
  breakDown();
  for (let time = 1; time < MAX_ATTEMPTS; time++) expect(await deliver()).toBe('RETRY');
  mend();
  expect(await deliver()).toBe('SUCCESS');
  expect(await bed.context().things.get('thing_1')).toEqual({ id: 'thing_1' });
  expect(await letters()).toEqual([]);
});

test('an event whose handler fails to the end is a dead letter with the last error', async () => {
  const { deliver, letters, breakDown } = shelf();
  breakDown();
  for (let time = 1; time < MAX_ATTEMPTS; time++) expect(await deliver()).toBe('RETRY');
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

test('an event is not let go before its dead letter is kept', async () => {
  const { bed, deliver, letters, breakDown } = shelf();
  breakDown();
  for (let time = 1; time < MAX_ATTEMPTS; time++) await deliver();
  const full = jest.spyOn(bed.sidecar, 'save').mockRejectedValue(unavailable('the store is full'));
  expect(await deliver()).toBe('RETRY');
  full.mockRestore();
  expect(await deliver()).toBe('SUCCESS');
  expect(await letters()).toMatchObject([{ message: 'the shelf is being painted' }]);
});

test('a command is not given up because something else is away for minutes', async () => {
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

  failure = unavailable('the carpenter is away');
  // however many rounds of deliveries there are at once
  for (let time = 0; time < 500; time++) expect(await make('late')).toBe('RETRY');
  bed.clock.advance(COMMAND_RETRY_MS - 1_000);
  expect(await make('late')).toBe('RETRY');
  failure = undefined;
  expect(await make('late')).toBe('SUCCESS');
  expect(await bed.context().things.get('late')).toEqual({ id: 'late' });

  failure = unavailable('the carpenter is away');
  expect(await make('never')).toBe('RETRY');
  bed.clock.advance(COMMAND_RETRY_MS);
  for (let time = 0; time < MAX_ATTEMPTS; time++) await make('never');
  expect(await letters()).toBe(1);

  // a fault of its own is one that somebody must look into
  failure = new Error('the saw is broken');
  for (let time = 1; time < MAX_ATTEMPTS; time++) expect(await make('odd')).toBe('RETRY');
  expect(await letters()).toBe(1);
  expect(await make('odd')).toBe('SUCCESS');
  expect(await letters()).toBe(2);
});
