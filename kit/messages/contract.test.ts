import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineCommand, defineEvent, parseEventData } from './contract';

const shape = {
  type: 'lamp.lit',
  description: 'A lamp was lit.',
  data: z.object({ lampId: z.string() }),
  subject: (data: { lampId: string }) => data.lampId,
};

const LampLit = defineEvent('LampLit', {
  type: 'lamp.lit',
  version: 3,
  description: 'A lamp was lit.',
  data: z.object({ lampId: z.string(), lumens: z.int(), colour: z.string() }),
  subject: ({ lampId }) => lampId,
  earlierVersions: [
    {
      version: 1,
      data: z.object({ lamp: z.string() }),
      upcast: (data) => ({ lampId: z.object({ lamp: z.string() }).parse(data).lamp, lumens: 800 }),
    },
    {
      version: 2,
      data: z.object({ lampId: z.string(), lumens: z.int() }),
      upcast: (data) => ({ ...z.looseObject({}).parse(data), colour: 'warm' }),
    },
  ],
});

describe('a contract', () => {
  it('is version 1, not public and without earlier versions by default', () => {
    expect(defineEvent('LampLit', shape)).toMatchObject({
      name: 'LampLit',
      kind: 'event',
      version: 1,
      public: false,
      earlierVersions: [],
    });
    expect(defineCommand('LightLamp', shape).kind).toBe('command');
  });

  it.each(['lamp', 'Lamp.lit', 'lamp..lit', 'lamp.lit.', 'lamp_lit.now', 'lamp.lit-', ''])(
    'cannot have the type "%s"',
    (type) => {
      expect(() => defineEvent('LampLit', { ...shape, type })).toThrow('not a dotted event type');
    },
  );

  it.each(['lamp.lit', 'stock.low-level.seen'])('can have the type "%s"', (type) => {
    expect(defineEvent('LampLit', { ...shape, type }).type).toBe(type);
  });

  it('has no gap between its versions', () => {
    const first = { version: 1, data: z.unknown(), upcast: (data: unknown) => data };
    expect(() =>
      defineEvent('LampLit', { ...shape, version: 3, earlierVersions: [first] }),
    ).toThrow('version 1 is not followed by the next one');
    expect(() => defineEvent('LampLit', { ...shape, earlierVersions: [first] })).toThrow();
  });
});

describe('a version newer than the reader knows', () => {
  const [first] = LampLit.earlierVersions;
  const Old = defineEvent('LampLit', {
    ...shape,
    subject: () => '',
    data: z.object({ lamp: z.string() }),
  });
  const both = { lamp: 'l1', lampId: 'l1', lumens: 1, colour: 'red' };

  it('is parsed if its minVersion allows it', () => {
    expect(parseEventData(Old, 3, both, 1)).toEqual({ lamp: 'l1' });
    expect(() => parseEventData(Old, 3, both, 2)).toThrow('version 3 is unknown');
    expect(() => parseEventData(Old, 3, both)).toThrow('version 3 is unknown');
    expect(() => parseEventData(Old, 3, { lampId: 'l1' }, 1)).toThrow(z.ZodError);
  });

  it('has a minVersion among the known versions', () => {
    const shaped = { ...shape, version: 2, earlierVersions: [first!] };
    expect(defineEvent('LampLit', shaped).minVersion).toBe(2);
    expect(defineEvent('LampLit', { ...shaped, minVersion: 1 }).minVersion).toBe(1);
    for (const minVersion of [0, 3]) {
      expect(() => defineEvent('LampLit', { ...shaped, minVersion })).toThrow(
        'is not a known version',
      );
    }
  });
});

describe('parseEventData', () => {
  it('upcasts every earlier version to the newest', () => {
    const newest = { lampId: 'l1', lumens: 800, colour: 'warm' };
    expect(parseEventData(LampLit, 1, { lamp: 'l1' })).toEqual(newest);
    expect(parseEventData(LampLit, 2, { lampId: 'l1', lumens: 800 })).toEqual(newest);
    expect(parseEventData(LampLit, 3, newest)).toEqual(newest);
  });

  it('drops unknown fields', () => {
    const data = { lampId: 'l1', lumens: 1, colour: 'red', shape: 'round' };
    expect(parseEventData(LampLit, 3, data)).toEqual({ lampId: 'l1', lumens: 1, colour: 'red' });
  });

  it('checks the data against the version in which it was published', () => {
    expect(() => parseEventData(LampLit, 1, { lampId: 'l1' })).toThrow(z.ZodError);
    expect(() => parseEventData(LampLit, 3, { lampId: 'l1' })).toThrow(z.ZodError);
  });

  it('rejects a version that does not exist, or not yet', () => {
    expect(() => parseEventData(LampLit, 4, {})).toThrow('version 4 is unknown');
    expect(() => parseEventData(LampLit, 0, {})).toThrow('version 0 is unknown');
  });
});
