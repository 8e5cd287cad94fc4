import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { defineEvent } from '../messages/contract';
import { Service } from '../service/service';
import { testbed } from './testbed';

const Grown = defineEvent('Grown', {
  type: 'plant.grown',
  description: 'A plant grew.',
  data: z.object({ plantId: z.string() }),
  subject: ({ plantId }) => plantId,
});
const plants = new Service('plants', {
  stores: { plants: z.object({ height: z.number() }) },
  publishes: [Grown],
});
plants.on(Grown, async ({ plantId }, context) => {
  await context.plants.update(plantId, (now) => ({ height: (now?.height ?? 0) + 1 }));
});

describe('the in-memory transport', () => {
  test('lets a process continue after an effect once onEffect is done', async () => {
    const bed = testbed(plants);
    const replica = testbed(plants, { memory: bed.memory, clock: bed.clock });
    bed.sidecar.onEffect = async () => {
      await replica.handleEvent(Grown, { plantId: 'p1' }, { id: 'meanwhile' });
    };
    await bed.handleEvent(Grown, { plantId: 'p1' });
    expect(await bed.context().plants.get('p1')).toEqual({ height: 2 });
  });

  test('shares its memory with a second process of the service', async () => {
    const bed = testbed(plants);
    const replica = testbed(plants, { memory: bed.memory });
    await bed.handleEvent(Grown, { plantId: 'p1' }, { id: 'first' });
    await replica.handleEvent(Grown, { plantId: 'p1' }, { id: 'first' });
    expect(await replica.context().plants.get('p1')).toEqual({ height: 1 });
  });
});
