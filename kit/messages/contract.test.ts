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

describe('a definition', () => {
  it('is version 1, not public and without earlier versions unless it says so', () => {
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
    'has no type like "%s"',
    (type) => {
      expect(() => defineEvent('LampLit', { ...shape, type })).toThrow('no dotted event type');
    },
  );

  it.each(['lamp.lit', 'stock.low-level.seen'])('may have the type "%s"', (type) => {
    expect(defineEvent('LampLit', { ...shape, type }).type).toBe(type);
  });

  it('leaves no gap between its versions', () => {
    const first = { version: 1, data: z.unknown(), upcast: (data: unknown) => data };
    expect(() =>
      defineEvent('LampLit', { ...shape, version: 3, earlierVersions: [first] }),
    ).toThrow('version 1 is not lifted');
    expect(() => defineEvent('LampLit', { ...shape, earlierVersions: [first] })).toThrow();
  });
});

describe('a newer version than the reader knows', () => {
  const [first] = LampLit.earlierVersions;
  const Old = defineEvent('LampLit', {
    ...{ ...shape, subject: () => '' },
    data: z.object({ lamp: z.string() }),
  });
  const both = { lamp: 'l1', lampId: 'l1', lumens: 1, colour: 'red' };

  it('is read where it says that it can be', () => {
    expect(parseEventData(Old, 3, both, 1)).toEqual({ lamp: 'l1' });
    expect(() => parseEventData(Old, 3, both, 2)).toThrow('version 3 is unknown');
    expect(() => parseEventData(Old, 3, both)).toThrow('version 3 is unknown');
    expect(() => parseEventData(Old, 3, { lampId: 'l1' }, 1)).toThrow(z.ZodError);
  });

  it('says so only of a version that it knows', () => {
    const shaped = { ...shape, version: 2, earlierVersions: [first!] };
    expect(defineEvent('LampLit', shaped).minVersion).toBe(2);
    expect(defineEvent('LampLit', { ...shaped, minVersion: 1 }).minVersion).toBe(1);
    for (const minVersion of [0, 3]) {
      expect(() => defineEvent('LampLit', { ...shaped, minVersion })).toThrow('is unknown');
    }
  });
});

describe('reading data', () => {
  it('lifts every earlier version to the newest', () => {
    const newest = { lampId: 'l1', lumens: 800, colour: 'warm' };
    expect(parseEventData(LampLit, 1, { lamp: 'l1' })).toEqual(newest);
    expect(parseEventData(LampLit, 2, { lampId: 'l1', lumens: 800 })).toEqual(newest);
    expect(parseEventData(LampLit, 3, newest)).toEqual(newest);
  });

  it('drops fields that it does not know', () => {
    const data = { lampId: 'l1', lumens: 1, colour: 'red', shape: 'round' };
    expect(parseEventData(LampLit, 3, data)).toEqual({ lampId: 'l1', lumens: 1, colour: 'red' });
  });

  it('checks the data against the version in which it was said', () => {
    expect(() => parseEventData(LampLit, 1, { lampId: 'l1' })).toThrow(z.ZodError);
    expect(() => parseEventData(LampLit, 3, { lampId: 'l1' })).toThrow(z.ZodError);
  });

  it('refuses a version that is still to come, or never was', () => {
    expect(() => parseEventData(LampLit, 4, {})).toThrow('version 4 is unknown');
    expect(() => parseEventData(LampLit, 0, {})).toThrow('version 0 is unknown');
  });
});
