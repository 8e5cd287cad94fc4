import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { defineEvent } from './contract';
import { unavailable } from './errors';
import { Service } from './service';
import { testbed } from './testbed';

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
    onTopic: () => bed.deliver('thing.made', event),
    asDead: () => bed.deliver('shelf.dead', event),
    letters: async () => (await bed.host.deadLetters.page(1, 10)).letters,
    breakDown: () => (down = true),
  };
}

test('an event that was given up while the service was away is handled after all', async () => {
  const { bed, asDead, letters } = shelf();
  expect(await asDead()).toBe('SUCCESS');
  expect(await bed.context().things.get('thing_1')).toEqual({ id: 'thing_1' });
  expect(await letters()).toEqual([]);
});

test('an event that was given up because it failed here is a dead letter', async () => {
  const { onTopic, asDead, letters, breakDown } = shelf();
  breakDown();
  expect(await onTopic()).toBe('RETRY');
  expect(await onTopic()).toBe('RETRY');
  expect(await asDead()).toBe('SUCCESS');
  expect(await letters()).toMatchObject([
    { id: 'event_1', reason: 'unavailable', message: 'the shelf is being painted', attempts: 2 },
  ]);
});

test('an event that fails only once it was given up is tried again, and then a dead letter', async () => {
  const { asDead, letters, breakDown } = shelf();
  breakDown();
  expect(await asDead()).toBe('RETRY');
  expect(await letters()).toEqual([]);
  expect(await asDead()).toBe('SUCCESS');
  expect(await letters()).toMatchObject([{ attempts: 1 }]);
});
