import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { defineCommand, defineEvent, defineRequest } from '#kit/messages/contract';
import { owners, topics } from './rules';
import { contracts, pubSubManifests } from './tree';

const data = z.object({ id: z.string() });
const shape = { description: 'A test.', data, subject: ({ id }: { id: string }) => id };
const Happened = defineEvent('Happened', { type: 'thing.happened', ...shape });
const Known = defineEvent('Known', { type: 'thing.known', public: true, ...shape });
const HowMany = defineRequest('HowMany', { type: 'thing.how-many', answer: data, ...shape });
const DoIt = defineCommand('DoIt', { type: 'thing.do', ...shape });

describe('what is heard is said, and what is said is heard or public', () => {
  test('an event that nobody says is caught', () => {
    expect(topics([{ name: 'ear', publishes: [], subscribesTo: [Happened] }])).toEqual([
      'ear hears thing.happened, which nobody says',
    ]);
  });

  test('an event that nobody hears is caught, unless it is public', () => {
    expect(topics([{ name: 'mouth', publishes: [Happened, Known], subscribesTo: [] }])).toEqual([
      'mouth says thing.happened, which nobody hears and which is not public',
    ]);
  });

  test.each([
    ['nobody hears', { publishes: [DoIt], subscribesTo: [] }, { publishes: [], subscribesTo: [] }],
    [
      'another hears',
      { publishes: [DoIt], subscribesTo: [] },
      { publishes: [], subscribesTo: [DoIt] },
    ],
    [
      'another hears as well',
      { publishes: [DoIt], subscribesTo: [DoIt] },
      { publishes: [], subscribesTo: [DoIt] },
    ],
  ])('a command that %s is caught', (_, one, other) => {
    expect(
      topics([
        { name: 'one', ...one },
        { name: 'other', ...other },
      ]),
    ).toContainEqual(expect.stringContaining('does not both say and hear the command thing.do'));
  });

  test('a request that nobody answers is caught, and one that two answer', () => {
    const asker = { name: 'asker', publishes: [HowMany], subscribesTo: [] };
    expect(topics([asker])).toEqual([
      'asker says thing.how-many, which nobody hears and which is not public',
    ]);
    const answerer = (name: string) => ({ name, publishes: [], subscribesTo: [HowMany] });
    expect(topics([asker, answerer('one')])).toEqual([]);
    expect(topics([asker, answerer('one'), answerer('two')])).toEqual([
      'two answers thing.how-many, as another does',
    ]);
  });

  test('the services keep to it', async () => {
    expect(topics(await pubSubManifests())).toEqual([]);
  });
});

describe('each contract is said by its owner', () => {
  const owned = new Map([[Happened, 'mouth']]);

  test('an event said by another is caught', () => {
    expect(owners([{ name: 'thief', publishes: [Happened], subscribesTo: [] }], owned)).toEqual([
      "thief says thing.happened, which is another's",
    ]);
  });

  test('an event that is never said is caught', () => {
    expect(owners([{ name: 'mouth', publishes: [], subscribesTo: [] }], owned)).toEqual([
      'mouth never says thing.happened',
    ]);
  });

  test('a request is its own who answers it', () => {
    const asker = { name: 'asker', publishes: [HowMany], subscribesTo: [] };
    const answerer = { name: 'answerer', publishes: [], subscribesTo: [HowMany] };
    expect(owners([asker, answerer], new Map([[HowMany, 'answerer']]))).toEqual([]);
    expect(owners([asker, answerer], new Map([[HowMany, 'asker']]))).toHaveLength(1);
  });

  test('the services keep to it', async () => {
    expect(owners(await pubSubManifests(), await contracts())).toEqual([]);
  });
});
