import { describe, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { unavailable } from '../core/errors';
import { silentLog } from '../core/log';
import { defineCommand, defineEvent, defineRequest } from '../messages/contract';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';
import { signedByItsSource } from '../testing/test-signatures';
import { MAX_WITH_REJECTED } from './dead-letters';
import { COMMAND_AGE_MS } from './event-gate';

const Lamp = z.object({ id: z.string() });
const shape = { data: Lamp, description: 'A test.', subject: ({ id }: { id: string }) => id };
const LampLit = defineEvent('LampLit', { type: 'lamp.lit', ...shape });
const LampSold = defineEvent('LampSold', { type: 'lamp.sold', ...shape });
const LightLamp = defineCommand('LightLamp', { type: 'lamp.light', ...shape });
const AskLamp = defineRequest('AskLamp', { type: 'lamp.ask', ...shape, reply: Lamp });

const PUBLISHERS: Record<string, string> = { 'lamp.lit': 'lamps', 'lamps.replies': 'answerer' };

function lamps() {
  const handled: string[] = [];
  const service = new Service('lamps', { publishes: [LightLamp, LampLit], requests: [AskLamp] });
  for (const contract of [LampLit, LampSold, LightLamp]) {
    service.on(contract, async ({ id }) => handled.push(`${contract.type} ${id}`));
  }
  service.onJob('sweep', Lamp, async ({ id }) => handled.push(`job ${id}`));
  service.onBinding('switch', async ({ data }) => {
    handled.push(`switch ${Buffer.from(data).toString()}`);
    return undefined;
  });
  const bed = testbed(service, { publishes: (app, topic) => PUBLISHERS[topic] === app });
  const event = (type: string, source: string, more: Record<string, unknown> = {}) => ({
    ...{ specversion: '1.0', id: `${type} of ${source}`, type, source, subject: 'l1' },
    ...{ time: '2030-01-31T12:00:00Z', data: { id: 'l1' } },
    ...more,
  });
  const rejected = async () => {
    const { values } = await bed.runtime.metrics.eventsRejected.get();
    return values.map(({ labels, value }) => [labels.topic, labels.reason, value]);
  };
  const letters = async () => (await bed.runtime.deadLetters.page(1, 100)).letters;
  return { bed, event, handled, rejected, letters };
}

test.each([
  ['an event of its publisher', 'lamp.lit', 'lamps'],
  ['a command of the service itself', 'lamp.light', 'lamps'],
])('%s is handled', async (_, type, source) => {
  const { bed, event, handled, rejected } = lamps();
  expect(await bed.deliver(event(type, source))).toBe('SUCCESS');
  expect(handled).toEqual([`${type} l1`]);
  expect(await rejected()).toEqual([]);
});

describe('an event is rejected, counted and kept', () => {
  test.each([
    ['that arrives on the topic of another one', 'lamp.light', 'lamps', 'lamp.lit', 'topic'],
    ['whose type is that of a job', 'job.sweep', 'lamps', 'lamp.lit', 'topic'],
    ['whose type is that of a binding', 'binding.switch', 'lamps', 'lamp.lit', 'topic'],
    ['whose type differs by a letter', 'Lamp.lit', 'lamps', 'lamp.lit', 'topic'],
    ['that is a reply on the topic of an event', 'lamps.replies', 'answerer', 'lamp.lit', 'topic'],
    ['that is an event on the topic of replies', 'lamp.lit', 'lamps', 'lamps.replies', 'topic'],
    ['from a source that does not publish it', 'lamp.lit', 'shop', 'lamp.lit', 'source'],
    ['whose source publishes other events', 'lamp.lit', 'answerer', 'lamp.lit', 'source'],
    ['that no service publishes', 'lamp.sold', 'lamps', 'lamp.sold', 'source'],
    ['that is a command of another service', 'lamp.light', 'shop', 'lamp.light', 'source'],
    [
      'that is a reply of a service that answers nothing',
      'lamps.replies',
      'shop',
      'lamps.replies',
      'source',
    ],
  ])('%s', async (_, type, source, topic, reason) => {
    const { bed, event, handled, rejected, letters } = lamps();
    expect(await bed.deliver(event(type, source), topic)).toBe('SUCCESS');
    expect(handled).toEqual([]);
    expect(await rejected()).toEqual([[topic, reason, 1]]);
    expect(await letters()).toMatchObject([{ type, source, reason, topic }]);
  });

  test('on a topic to which the service does not subscribe, under a fixed label', async () => {
    const { bed, event, rejected } = lamps();
    for (const topic of ['shop.opened', 'another-bus/lamp.lit', '']) {
      expect(await bed.deliver(event('lamp.lit', 'lamps'), topic)).toBe('SUCCESS');
    }
    expect(await rejected()).toEqual([['other', 'topic', 3]]);
  });

  test('in a batch, and does not affect the others', async () => {
    const { bed, event, handled, rejected } = lamps();
    const batch = [
      event('lamp.lit', 'lamps', { id: '1', data: { id: 'a' } }),
      event('lamp.light', 'lamps', { id: '2', data: { id: 'b' } }),
      event('lamp.lit', 'shop', { id: '3', data: { id: 'c' } }),
      event('lamp.lit', 'lamps', { id: '4', data: { id: 'd' } }),
    ];
    expect(await bed.deliverAll(batch)).toEqual(batch.map(() => 'SUCCESS'));
    expect(handled).toEqual(['lamp.lit a', 'lamp.lit d']);
    expect(await rejected()).toEqual([
      ['lamp.lit', 'topic', 1],
      ['lamp.lit', 'source', 1],
    ]);
  });
});

test('the topic that an event names itself does not count', async () => {
  const { bed, event, handled } = lamps();
  const forged = event('lamp.light', 'lamps', { topic: 'lamp.light', pubsubname: 'bus' });
  await bed.deliver(forged, 'lamp.lit');
  expect(handled).toEqual([]);
});

test('a rejected event with the id of a genuine one does not replace its dead letter', async () => {
  const { bed, event, letters } = lamps();
  const genuine = event('lamp.lit', 'lamps', { id: 'same', data: { id: 7 } });
  await bed.deliver(genuine);
  await bed.deliver({ ...genuine, source: 'shop', data: { id: 'forged' } });
  expect(await letters()).toHaveLength(2);
  expect(await bed.runtime.deadLetters.get('same')).toMatchObject({
    reason: 'unreadable',
    event: genuine,
  });
});

test('a rejected event with the id of one that is being handled does not acknowledge it', async () => {
  const { bed, event, handled } = lamps();
  const genuine = event('lamp.lit', 'lamps', { id: 'same' });
  const forged = { ...genuine, source: 'shop' };
  const statuses = await Promise.all([bed.deliver(forged), bed.deliver(genuine)]);
  expect(statuses).toEqual(['SUCCESS', 'SUCCESS']);
  expect(handled).toEqual(['lamp.lit l1']);
});

describe('the dead letter of a rejected event', () => {
  test.each([
    ['lamp.light', 'lamps', 'topic'],
    ['job.sweep', 'lamps', 'topic'],
    ['binding.switch', 'lamps', 'topic'],
    ['lamp.lit', 'shop', 'source'],
  ])('is rejected again when it is replayed: %s of %s', async (type, source, reason) => {
    const { bed, event, handled, letters } = lamps();
    await bed.deliver(event(type, source), 'lamp.lit');
    const [letter] = await letters();
    expect(await bed.runtime.replay(letter?.id ?? '')).toEqual({ succeeded: false });
    expect(handled).toEqual([]);
    expect(await letters()).toMatchObject([{ reason, replayCount: 1 }]);
  });

  test('is handled by a replay once its source is a publisher', async () => {
    const { bed, event, handled, letters } = lamps();
    await bed.deliver(event('lamp.sold', 'shop'));
    const [letter] = await letters();
    PUBLISHERS['lamp.sold'] = 'shop';
    try {
      expect(await bed.runtime.replay(letter?.id ?? '')).toEqual({ succeeded: true });
    } finally {
      delete PUBLISHERS['lamp.sold'];
    }
    expect(handled).toEqual(['lamp.sold l1']);
    expect(await letters()).toEqual([]);
  });
});

describe('rejected events', () => {
  test('do not fill the store, and leave room for genuine dead letters', async () => {
    const { bed, event, letters } = lamps();
    const { deadLetters } = bed.runtime;
    const total = async () => (await deadLetters.page(1, 1)).total;
    const flood = (n: number) => bed.deliver(event('lamp.lit', 'shop', { id: `forged_${n}` }));
    for (let n = 0; n < MAX_WITH_REJECTED + 50; n++) expect(await flood(n)).toBe('SUCCESS');
    expect(await total()).toBe(MAX_WITH_REJECTED);
    await bed.deliver(event('lamp.lit', 'lamps', { id: 'genuine', data: {} }));
    expect(await total()).toBe(MAX_WITH_REJECTED + 1);
    expect(await letters()).toContainEqual(expect.objectContaining({ id: 'genuine' }));
  });

  test('are counted, but neither stored nor logged while there is no room', async () => {
    const { bed, event, rejected } = lamps();
    const full = jest.spyOn(bed.runtime.deadLetters, 'storeRejected').mockResolvedValue(false);
    const warn = jest.spyOn(silentLog, 'warn');
    const flood = (n: number) => bed.deliver(event('lamp.lit', 'shop', { id: `forged_${n}` }));
    for (let n = 0; n < 5; n++) await flood(n);
    expect(full).toHaveBeenCalledTimes(1);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(await rejected()).toEqual([['lamp.lit', 'source', 5]]);
    bed.clock.advance(60_000);
    await flood(5);
    expect(full).toHaveBeenCalledTimes(2);
  });

  test('are not kept if they are large', async () => {
    const { bed, event, letters } = lamps();
    const data = { text: 'x'.repeat(70_000) };
    expect(await bed.deliver(event('lamp.lit', 'shop', { data }))).toBe('SUCCESS');
    expect(await letters()).toEqual([]);
  });

  test('are kept once, however often they are delivered', async () => {
    const { bed, event, letters } = lamps();
    for (let n = 0; n < 3; n++) await bed.deliver(event('lamp.lit', 'shop'));
    expect(await letters()).toHaveLength(1);
  });

  test('are not acknowledged before they are kept', async () => {
    const { bed, event, letters } = lamps();
    const down = jest.spyOn(bed.sidecar, 'save').mockRejectedValue(unavailable('no store'));
    expect(await bed.deliver(event('lamp.lit', 'shop'))).toBe('RETRY');
    down.mockRestore();
    expect(await bed.deliver(event('lamp.lit', 'shop'))).toBe('SUCCESS');
    expect(await letters()).toHaveLength(1);
  });
});

test('a binding message and a job that are dead letters are replayed as before', async () => {
  const { bed, handled } = lamps();
  const { deadLetters } = bed.runtime;
  const failure = { reason: 'internal', message: '', attempts: 1 };
  const own = { specversion: '1.0', source: 'lamps' };
  await deadLetters.store({ ...own, id: 'j', type: 'job.sweep', data: { id: 'l2' } }, failure);
  const message = { data: Buffer.from('on').toString('base64'), metadata: {} };
  await deadLetters.store({ ...own, id: 'b', type: 'binding.switch', data: message }, failure);
  for (const id of ['j', 'b']) {
    expect(await bed.runtime.replay(id)).toEqual({ succeeded: true });
  }
  expect(handled).toEqual(['job l2', 'switch on']);
});

describe('an event without a valid signature', () => {
  const signed = (event: Record<string, unknown>) => signedByItsSource(event);
  test.each<[string, (event: Record<string, unknown>) => Record<string, unknown>, string]>([
    ['that has none', (event) => event, 'unsigned'],
    ['with altered data', (it) => ({ ...signed(it), data: { id: 'l2' } }), 'signature'],
    ['about another subject', (it) => ({ ...signed(it), subject: 'l2' }), 'signature'],
    ['of another tenant', (it) => ({ ...signed(it), tenantid: 'other' }), 'signature'],
    ['with another sequence', (it) => ({ ...signed(it), sequence: 99 }), 'signature'],
    ['with another id', (it) => ({ ...signed(it), id: 'another' }), 'signature'],
    [
      'with the signature of another event',
      (it) => ({ ...it, signature: signed({ ...it, id: 'other' })['signature'] }),
      'signature',
    ],
  ])('%s is rejected, and again when its dead letter is replayed', async (_, change, reason) => {
    for (const type of ['lamp.lit', 'lamp.light']) {
      const { bed, event, handled, rejected, letters } = lamps();
      const forged = change(event(type, 'lamps'));
      expect(await bed.runtime.deliver(forged, type)).toBe('SUCCESS');
      expect(await rejected()).toEqual([[type, reason, 1]]);
      const [letter] = await letters();
      expect(await bed.runtime.replay(letter?.id ?? '')).toEqual({ succeeded: false });
      expect(handled).toEqual([]);
    }
  });

  test('that was stored as a dead letter before events were signed is not replayed', async () => {
    const { bed, event, handled, letters } = lamps();
    const failure = { reason: 'unavailable', message: '', attempts: 6 };
    await bed.runtime.deadLetters.store(event('lamp.lit', 'lamps', { id: 'old' }), failure);
    expect(await bed.runtime.replay('old')).toEqual({ succeeded: false });
    expect(handled).toEqual([]);
    expect(await letters()).toMatchObject([{ id: 'old', reason: 'unsigned', replayCount: 1 }]);
  });
});

test('a forged reply does not answer a request', async () => {
  const { bed, event, rejected } = lamps();
  const data = { refusal: null, answer: { id: 'forged' } };
  for (const source of ['answerer', 'lamps', 'shop']) {
    const reply = event('lamps.replies', source, { causationid: 'request', data });
    await bed.runtime.deliver(reply, 'lamps.replies');
  }
  expect(bed.memory.documents.has('outcome:request')).toBe(false);
  expect(await rejected()).toEqual([
    ['lamps.replies', 'unsigned', 1],
    ['lamps.replies', 'source', 2],
  ]);
});

describe('a command that expires', () => {
  const DimLamp = defineCommand('DimLamp', { type: 'lamp.dim', ...shape, expires: true });

  function dimmer() {
    const handled: string[] = [];
    const service = new Service('lamps', { publishes: [DimLamp, LightLamp] });
    for (const contract of [DimLamp, LightLamp]) {
      service.on(contract, async ({ id }) => handled.push(`${contract.type} ${id}`));
    }
    const bed = testbed(service);
    const total = async () => (await bed.runtime.deadLetters.page(1, 1)).total;
    return { bed, handled, total };
  }

  test('is executed until it is two days old, and then only as a replay', async () => {
    const { bed, handled, total } = dimmer();
    const [early, late] = ['early', 'late'].map((id) => bed.eventOf(DimLamp, { id }, { id }));
    bed.clock.advance(COMMAND_AGE_MS - 1);
    expect(await bed.deliver(early ?? {})).toBe('SUCCESS');
    expect(handled).toEqual(['lamp.dim early']);
    bed.clock.advance(1);
    expect(await bed.deliver(late ?? {})).toBe('SUCCESS');
    expect(handled).toEqual(['lamp.dim early']);
    expect(await bed.runtime.deadLetters.get('late')).toMatchObject({ reason: 'expired' });
    expect(await bed.runtime.replay('late')).toEqual({ succeeded: true });
    expect(handled).toEqual(['lamp.dim early', 'lamp.dim late']);
    expect(await total()).toBe(0);
  });

  test('is not executed without a time', async () => {
    const { bed, handled } = dimmer();
    const { time: _, ...timeless } = bed.eventOf(DimLamp, { id: 'l1' });
    await bed.deliver(timeless);
    expect(handled).toEqual([]);
  });

  test('is not acknowledged before its dead letter is stored', async () => {
    const { bed } = dimmer();
    const late = bed.eventOf(DimLamp, { id: 'l1' });
    bed.clock.advance(COMMAND_AGE_MS);
    const down = jest.spyOn(bed.sidecar, 'save').mockRejectedValue(unavailable('no store'));
    expect(await bed.deliver(late)).toBe('RETRY');
    down.mockRestore();
    expect(await bed.deliver(late)).toBe('SUCCESS');
  });

  test('differs from one that is executed however late it arrives', async () => {
    const { bed, handled } = dimmer();
    const late = bed.eventOf(LightLamp, { id: 'l1' });
    bed.clock.advance(30 * COMMAND_AGE_MS);
    await bed.deliver(late);
    expect(handled).toEqual(['lamp.light l1']);
  });
});
