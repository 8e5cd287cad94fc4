import { describe, expect, it, jest, test } from '@jest/globals';
import { z } from 'zod';
import { Code, MicroserviceError, refused, unavailable } from '../core/errors';
import { defineCommand, defineEvent } from '../messages/contract';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';
import {
  BROKEN_HANDLER_SUBJECTS,
  MAX_ATTEMPTS,
  PARKED_MS,
  POISON_MS,
} from './parking/parked-event';

const Thing = z.object({ id: z.string() });
const ThingMade = defineEvent('ThingMade', {
  type: 'thing.made',
  description: 'A thing was made.',
  data: Thing,
  subject: ({ id }) => id,
});
const MakeThing = defineCommand('MakeThing', {
  type: 'thing.make',
  description: 'Make a thing.',
  data: Thing,
  subject: ({ id }) => id,
});

/** A service whose handlers fail with an error while there is one. */
function shelf() {
  const service = new Service('shelf', { stores: { things: Thing }, publishes: [MakeThing] });
  const script: { failure: Error | undefined } = { failure: undefined };
  const failIfTold = () => {
    if (script.failure !== undefined) throw script.failure;
  };
  service.on(ThingMade, async ({ id }, context) => {
    failIfTold();
    await context.things.update(id, () => ({ id }));
  });
  service.on(MakeThing, async ({ id }, context) => {
    failIfTold();
    await context.things.update(id, () => ({ id }));
  });
  const bed = testbed(service);
  return {
    bed,
    script,
    deliver: (id = 'thing_1') => bed.handleEvent(ThingMade, { id }, { id: `event ${id}` }),
    letters: async () => (await bed.runtime.deadLetters.page(1, 10)).letters,
    made: async (id = 'thing_1') => (await bed.context().things.get(id)) !== undefined,
  };
}

const broken = () => new TypeError('a bug');

describe('an event whose handler meets something unavailable', () => {
  it.each([
    ['unavailable', unavailable('the shelf is being painted')],
    ['a timeout', new MicroserviceError('no answer', Code.DEADLINE_EXCEEDED)],
    ['overload', new MicroserviceError('too busy', Code.RESOURCE_EXHAUSTED)],
    ['too many changes of one document', new MicroserviceError('conflict', Code.ABORTED)],
  ])('is parked and handled later: %s', async (_, failure) => {
    const { script, deliver, letters, made } = shelf();
    script.failure = failure;
    for (let attempt = 0; attempt < 20; attempt++) expect(await deliver()).toBe('PARKED');
    script.failure = undefined;
    expect(await deliver()).toBe('SUCCESS');
    expect(await made()).toBe(true);
    expect(await letters()).toEqual([]);
  });

  it('is a dead letter after a day, which a replay handles', async () => {
    const { bed, script, deliver, letters, made } = shelf();
    script.failure = new MicroserviceError('it is open', Code.UNAVAILABLE, {
      reason: 'circuit_open',
    });
    expect(await deliver()).toBe('PARKED');
    bed.clock.advance(PARKED_MS - 60_000);
    expect(await deliver()).toBe('PARKED');
    bed.clock.advance(60_000);
    expect(await deliver()).toBe('SUCCESS');
    expect(await letters()).toMatchObject([
      { id: 'event thing_1', reason: 'unavailable', message: 'it is open', attempts: 3 },
    ]);
    script.failure = undefined;
    expect(await bed.runtime.replay('event thing_1')).toEqual({ succeeded: true });
    expect(await made()).toBe(true);
  });

  it('is tried once more after a day in which the service did not run', async () => {
    const { bed, script, deliver, letters, made } = shelf();
    script.failure = unavailable('down');
    await deliver();
    bed.clock.advance(3 * PARKED_MS);
    bed.restart();
    script.failure = undefined;
    expect(await deliver()).toBe('SUCCESS');
    expect(await made()).toBe(true);
    expect(await letters()).toEqual([]);
  });
});

describe('an event whose handler fails with a fault', () => {
  it('is retried for minutes, and then is a dead letter with the last error', async () => {
    const { bed, script, deliver, letters } = shelf();
    script.failure = broken();
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++)
      expect(await deliver()).toBe('PARKED');
    bed.clock.advance(POISON_MS);
    expect(await deliver()).toBe('SUCCESS');
    expect(await letters()).toMatchObject([
      { reason: 'internal', message: 'TypeError: a bug', attempts: MAX_ATTEMPTS + 1 },
    ]);
  });

  it('becomes a dead letter only after it has failed several times', async () => {
    const { bed, script, deliver, letters } = shelf();
    script.failure = broken();
    await deliver();
    bed.clock.advance(POISON_MS);
    expect(await deliver()).toBe('PARKED');
    expect(await letters()).toEqual([]);
  });

  it('starts a new count of failures after a failure for another reason', async () => {
    const { bed, script, deliver, letters } = shelf();
    const fail = async (failure: Error) => {
      script.failure = failure;
      return deliver();
    };
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) await fail(broken());
    await fail(unavailable('down'));
    bed.clock.advance(POISON_MS);
    expect(await fail(broken())).toBe('PARKED');
    expect(await letters()).toEqual([]);
  });

  it('waits on while its handler fails for all, and is handled once that is mended', async () => {
    const { bed, script, deliver, letters, made } = shelf();
    script.failure = broken();
    const ids = Array.from({ length: BROKEN_HANDLER_SUBJECTS }, (_, n) => `thing_${String(n)}`);
    for (const id of ids) await deliver(id);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++)
      await bed.runtime.parkedEvents.tryAll();
    bed.clock.advance(POISON_MS * 10);
    expect(await deliver(ids[0])).toBe('PARKED');
    expect(await letters()).toEqual([]);
    script.failure = undefined;
    await bed.runtime.parkedEvents.tryAll();
    for (const id of ids) expect(await made(id)).toBe(true);
  });

  it('is a dead letter among others that fail, if its handler works for some', async () => {
    const { bed, script, deliver, letters } = shelf();
    script.failure = broken();
    for (const id of ['a', 'b', 'c']) await deliver(id);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++)
      await bed.runtime.parkedEvents.tryAll();
    bed.clock.advance(POISON_MS);
    script.failure = undefined;
    await deliver('other');
    script.failure = broken();
    await bed.runtime.parkedEvents.tryAll();
    expect((await letters()).map(({ id }) => id).sort()).toEqual(['event a', 'event b', 'event c']);
  });
});

describe('an event that can be neither handled nor parked', () => {
  it.each(['save', 'load'] as const)('is redelivered while the store fails: %s', async (method) => {
    const { bed, script, deliver, made } = shelf();
    script.failure = method === 'save' ? unavailable('down') : undefined;
    bed.clock.advance(10_000);
    const store = jest
      .spyOn(bed.sidecar, method)
      .mockRejectedValue(unavailable('the disk is full'));
    for (let attempt = 0; attempt < 10; attempt++) expect(await deliver()).toBe('RETRY');
    store.mockRestore();
    script.failure = undefined;
    expect(await deliver()).toBe('SUCCESS');
    expect(await made()).toBe(true);
  });

  it('is not acknowledged before its dead letter is stored', async () => {
    const { bed, script, deliver, letters } = shelf();
    script.failure = refused('closed', 'the shelf is closed');
    const full = jest
      .spyOn(bed.sidecar, 'save')
      .mockRejectedValue(unavailable('the store is full'));
    expect(await deliver()).toBe('RETRY');
    full.mockRestore();
    expect(await deliver()).toBe('SUCCESS');
    expect(await letters()).toMatchObject([{ message: 'the shelf is closed' }]);
  });
});

test('a command waits like an event, and its caller gets the result of the last attempt', async () => {
  const { bed, script, letters, made } = shelf();
  const make = (id: string) => bed.handleEvent(MakeThing, { id }, { id });
  script.failure = unavailable('the carpenter is unavailable');
  for (let attempt = 0; attempt < 50; attempt++) expect(await make('late')).toBe('PARKED');
  bed.clock.advance(PARKED_MS - 3_600_000);
  expect(await make('late')).toBe('PARKED');
  script.failure = undefined;
  expect(await make('late')).toBe('SUCCESS');
  expect(await made('late')).toBe(true);

  script.failure = unavailable('the carpenter is unavailable');
  expect(await make('never')).toBe('PARKED');
  script.failure = refused('too_large', 'it does not fit');
  expect(await make('never')).toBe('SUCCESS');
  const stored = bed.memory.documents.get('outcome:never')?.json;
  expect(JSON.parse(stored ?? '')).toMatchObject({ refusal: { message: 'it does not fit' } });
  expect(await letters()).toEqual([]);
});

test('the result of a slow command is stored before the bus redelivers the command', async () => {
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

describe('replaying many dead letters', () => {
  const withDeadLetters = async (ids: readonly string[]) => {
    const on = shelf();
    on.script.failure = refused('closed', 'the shelf is closed');
    for (const id of ids) expect(await on.deliver(id)).toBe('SUCCESS');
    on.script.failure = undefined;
    return on;
  };
  const replayAll = async (
    { bed }: ReturnType<typeof shelf>,
    filter: { reason?: string; type?: string },
  ) => {
    let replayed = 0;
    for (let skip = 0, more = true; more;) {
      const result = await bed.runtime.replayAll(filter, skip);
      replayed += result.replayed;
      ({ skip, more } = result);
    }
    await bed.runtime.parkedEvents.tryAll();
    return replayed;
  };

  it('handles all of them, over several calls', async () => {
    const ids = Array.from({ length: 130 }, (_, n) => `thing_${String(n)}`);
    const on = await withDeadLetters(ids);
    expect(await replayAll(on, {})).toBe(ids.length);
    expect(await on.letters()).toEqual([]);
    for (const id of ids) expect(await on.made(id)).toBe(true);
  });

  it('leaves those with another reason or type alone', async () => {
    const on = await withDeadLetters(['a', 'b']);
    expect(await replayAll(on, { reason: 'unavailable' })).toBe(0);
    expect(await replayAll(on, { type: 'thing.make' })).toBe(0);
    expect(await replayAll(on, { reason: 'closed', type: 'thing.made' })).toBe(2);
    expect(await on.letters()).toEqual([]);
  });

  it('handles each of them, wherever the process dies', async () => {
    const undisturbed = await withDeadLetters(['a', 'b']);
    undisturbed.bed.injectFaults({});
    await replayAll(undisturbed, {});
    for (let n = 1; n <= undisturbed.bed.sidecar.effects; n++) {
      const on = await withDeadLetters(['a', 'b']);
      on.bed.injectFaults({ crashAfterEffect: n });
      await Promise.race([replayAll(on, {}), on.bed.sidecar.died.promise]).catch(() => undefined);
      on.bed.restart();
      await replayAll(on, {});
      await on.bed.runtime.parkedEvents.tryAll();
      expect([n, await on.letters(), await on.made('a'), await on.made('b')]).toEqual([
        n,
        [],
        true,
        true,
      ]);
    }
  });

  it('leaves one that cannot be read', async () => {
    const on = await withDeadLetters(['a']);
    await on.bed.deliver({ id: 'junk', type: 'thing.made' });
    expect(await replayAll(on, {})).toBe(1);
    expect(await on.letters()).toMatchObject([{ reason: 'unreadable', replayCount: 1 }]);
  });
});
