import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { defineCommand, defineEvent, defineRequest } from '#kit/messages/contract';
import { owners, topics } from './rules';
import { contracts, manifests } from './tree';

const data = z.object({ id: z.string() });
const shape = { description: 'A test.', data, subject: ({ id }: { id: string }) => id };
const Happened = defineEvent('Happened', { type: 'thing.happened', ...shape });
const Known = defineEvent('Known', { type: 'thing.known', public: true, ...shape });
const HowMany = defineRequest('HowMany', { type: 'thing.how-many', reply: data, ...shape });
const DoIt = defineCommand('DoIt', { type: 'thing.do', ...shape });

describe('every handled topic has a publisher, and every event a handler unless it is public', () => {
  test('an event without a publisher is caught', () => {
    expect(topics([{ name: 'subscriber', publishes: [], handles: [Happened] }])).toEqual([
      'subscriber handles thing.happened, which no service publishes',
    ]);
  });

  test('an event without a handler is caught, unless it is public', () => {
    expect(topics([{ name: 'publisher', publishes: [Happened, Known], handles: [] }])).toEqual([
      'publisher publishes thing.happened, which is not public and which no service handles',
    ]);
  });

  const neither = { publishes: [], handles: [] };
  test.each([
    ['no service handles', { publishes: [DoIt], handles: [] }, neither],
    [
      'only another service handles',
      { publishes: [DoIt], handles: [] },
      { ...neither, handles: [DoIt] },
    ],
    [
      'another service handles too',
      { publishes: [DoIt], handles: [DoIt] },
      { ...neither, handles: [DoIt] },
    ],
  ])('a command that %s is caught', (_, one, other) => {
    expect(
      topics([
        { name: 'one', ...one },
        { name: 'other', ...other },
      ]),
    ).toContainEqual(
      expect.stringContaining('does not both publish and handle the command thing.do'),
    );
  });

  test('a request that no service answers is caught, and one that two services answer', () => {
    const sender = { name: 'sender', publishes: [HowMany], handles: [] };
    expect(topics([sender])).toEqual([
      'sender publishes thing.how-many, which is not public and which no service handles',
    ]);
    const answerer = (name: string) => ({ name, publishes: [], handles: [HowMany] });
    expect(topics([sender, answerer('one')])).toEqual([]);
    expect(topics([sender, answerer('one'), answerer('two')])).toEqual([
      'two answers thing.how-many, which another service answers too',
    ]);
  });

  test('the services comply', async () => {
    expect(topics(await manifests())).toEqual([]);
  });
});

describe('only its owner publishes an event or answers a request', () => {
  const owned = new Map([[Happened, 'publisher']]);

  test('an event that another service publishes is caught', () => {
    expect(owners([{ name: 'thief', publishes: [Happened], handles: [] }], owned)).toEqual([
      'thief uses thing.happened, which another service owns',
    ]);
  });

  test('an event that its owner does not publish is caught', () => {
    expect(owners([{ name: 'publisher', publishes: [], handles: [] }], owned)).toEqual([
      'publisher does not use its contract thing.happened',
    ]);
  });

  test('a request belongs to the service that answers it', () => {
    const sender = { name: 'sender', publishes: [HowMany], handles: [] };
    const answerer = { name: 'answerer', publishes: [], handles: [HowMany] };
    expect(owners([sender, answerer], new Map([[HowMany, 'answerer']]))).toEqual([]);
    expect(owners([sender, answerer], new Map([[HowMany, 'sender']]))).toHaveLength(1);
  });

  test('the services comply', async () => {
    expect(owners(await manifests(), await contracts())).toEqual([]);
  });
});
