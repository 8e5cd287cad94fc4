import { describe, expect, it, test } from '@jest/globals';
import { topicText } from '#contracts/device-messages';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { unavailable } from '#kit/core/errors';
import { World, count, give, outcomes, refusalsOf, sale } from './testing';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

describe('what a device tells', () => {
  test.each([
    ['stock', count],
    ['stock', { mode: 'delta', productId: 'tea', change: -1 }],
    ['sale', sale],
    ['telemetry', { temperature: 4.5, humidity: 60 }],
  ] as const)('is said, with whose it is and where it stands: %s', async (kind, data) => {
    const world = new World();
    const bed = world.bed();
    await give(bed, world.signer().sign(kind, data));
    expect(bed.published(DeviceDataReceived)).toEqual([
      {
        ...{ deviceId: 'd1', shopId: 'shop_1', dataType: kind, data },
        position: { boot: 'boot-1', seq: 1, at: '2026-01-01T00:00:00.000Z' },
      },
    ]);
    await expect(outcomes(bed)).resolves.toEqual(['taken 1']);
  });

  it('is said as faults where a status tells of some, or that there are none any more', async () => {
    const world = new World();
    const bed = world.bed();
    const signer = world.signer();
    const faults = [{ code: 'slot_jammed', slot: 'A3' }];
    await give(bed, signer.sign('status', { status: 'online', faults }));
    await give(bed, signer.sign('status', { status: 'online' }));
    await give(bed, signer.sign('status', { status: 'online', faults: [] }));
    expect(bed.published(DeviceDataReceived)).toMatchObject([
      { dataType: 'faults', data: faults, position: { seq: 1 } },
      { dataType: 'faults', data: [], position: { seq: 3 } },
    ]);
  });

  it('has the time of the platform where the clock of the device is ahead', async () => {
    const world = new World();
    const bed = world.bed();
    await give(bed, world.signer('d1', { ahead: 90_000 }).sign('stock', count));
    expect(bed.published(DeviceDataReceived)).toMatchObject([
      { position: { at: '2026-01-01T00:00:00.000Z' } },
    ]);
  });

  it('may be signed by either credential while one takes the place of the other', async () => {
    const world = new World();
    const bed = world.bed();
    const newer = world.signer('d2', { boot: 'b2', credential: 'new key of d2' });
    await give(bed, world.signer('d2').sign('stock', count));
    await give(bed, newer.sign('stock', count));
    expect(bed.published(DeviceDataReceived)).toHaveLength(2);
  });

  test.each(['stock', 'sale', 'telemetry'] as const)(
    'is said once, whatever happens on the way: %s',
    async (kind) => {
      const data = { stock: count, sale, telemetry: { temperature: 4 } }[kind];
      await expectCrashSafe(
        () => new World().bed(),
        (bed) => give(bed, new World().signer().sign(kind, data)),
      );
    },
  );

  it('is tried again for as long as nobody can tell whose it is', async () => {
    const world = new World();
    const bed = world.bed();
    world.faults.push(unavailable('shop is away'));
    const message = world.signer().sign('stock', count);
    await expect(give(bed, message)).rejects.toThrow('shop is away');
    await give(bed, message);
    expect(bed.published(DeviceDataReceived)).toHaveLength(1);
  });

  it('costs one question to the shop in half a minute', async () => {
    const world = new World();
    const bed = world.bed();
    const signer = world.signer();
    await give(bed, signer.sign('stock', count));
    await give(bed, signer.sign('stock', count));
    expect(bed.callCount('shop', 'identifyDevice')).toBe(1);
    world.clock.advance(30_000);
    await give(bed, signer.sign('stock', count));
    expect(bed.callCount('shop', 'identifyDevice')).toBe(2);
  });
});

describe('the same message again', () => {
  it('is acknowledged without a word', async () => {
    const world = new World();
    const bed = world.bed();
    const message = world.signer().sign('stock', count);
    await give(bed, message);
    await give(bed, message);
    expect(bed.memory.events).toHaveLength(1);
    await expect(outcomes(bed)).resolves.toEqual(['taken 1', 'duplicate 1']);
  });

  it('is the same event, though another replica takes it', async () => {
    const world = new World();
    const bed = world.bed();
    const other = world.bed(bed.memory);
    const message = world.signer().sign('sale', sale);
    await give(bed, message);
    await give(other, message);
    expect(bed.memory.events).toHaveLength(2);
    expect(bed.published(DeviceDataReceived)).toHaveLength(1);
  });
});

describe('messages in another order', () => {
  test.each([
    ['stock', count],
    ['sale', sale],
  ] as const)('are all said where each of them counts: %s', async (kind, data) => {
    const world = new World();
    const bed = world.bed();
    const signer = world.signer();
    const [first, second, third] = [1, 2, 3].map(() => signer.sign(kind, data));
    for (const message of [third!, first!, second!, first!]) await give(bed, message);
    const places = bed.published(DeviceDataReceived).map(({ position }) => position.seq);
    expect(places).toEqual([3, 1, 2]);
  });

  it('are refused where a later one has told all that there is', async () => {
    const world = new World();
    const bed = world.bed();
    const signer = world.signer();
    const [first, second] = [1, 2].map(() => signer.sign('telemetry', { temperature: 4 }));
    await give(bed, second!);
    await give(bed, first!);
    expect(bed.published(DeviceDataReceived)).toHaveLength(1);
    await expect(refusalsOf(bed)).resolves.toEqual(['telemetry out_of_order']);
  });
});

describe('a message is refused, and the flow goes on, where', () => {
  const world = () => {
    const all = new World();
    return { all, bed: all.bed(), signer: all.signer() };
  };

  it('its device is not known', async () => {
    const { all, bed } = world();
    await give(bed, all.signer('nobody').sign('stock', count));
    await expect(outcomes(bed)).resolves.toEqual(['unknown_device 1']);
    // made-up names leave nothing behind
    expect(bed.memory.documents.size).toBe(0);
  });

  it('its device is retired', async () => {
    const { all, bed } = world();
    await give(bed, all.signer('old').sign('stock', count));
    await expect(refusalsOf(bed, 'old')).resolves.toEqual(['stock retired_device']);
  });

  it('it is signed by another, for another topic, or not at all', async () => {
    const { all, bed, signer } = world();
    await give(bed, all.signer('d1', { credential: 'key of d2' }).sign('stock', count));
    const topic = topicText({ tenantId: 'default', deviceId: 'd1', kind: 'sale' });
    await give(bed, { ...signer.sign('stock', count), topic });
    await give(bed, { ...signer.sign('stock', count), payload: '{}' });
    await expect(refusalsOf(bed)).resolves.toEqual([
      'stock wrong_signature',
      'sale wrong_signature',
      'stock wrong_signature',
    ]);
  });

  it('it is no message of its kind, or of a version that nobody knows', async () => {
    const { bed, signer } = world();
    await give(bed, signer.sign('stock', { mode: 'guess' }));
    await give(bed, signer.sign('stock', count, { v: 2 }));
    await expect(refusalsOf(bed)).resolves.toEqual(['stock unreadable', 'stock unreadable']);
  });

  it('it is larger than 64 KiB', async () => {
    const { bed, signer } = world();
    await give(bed, signer.sign('stock', { ...count, productId: 'x'.repeat(65_536) }));
    await expect(refusalsOf(bed)).resolves.toEqual(['stock oversized']);
  });

  it('it is from the future, or from long ago', async () => {
    const { all, bed } = world();
    await give(bed, all.signer('d1', { ahead: 2 * MINUTE_MS + 1 }).sign('stock', count));
    await give(bed, all.signer('d1', { ahead: -7 * DAY_MS - 1 }).sign('sale', sale));
    await expect(refusalsOf(bed)).resolves.toEqual(['sale too_old', 'stock from_the_future']);
  });

  it('another one was taken under its number', async () => {
    const { bed, signer } = world();
    await give(bed, signer.sign('stock', count));
    await give(bed, signer.sign('stock', { ...count, pieces: 8 }, { seq: 1 }));
    await expect(refusalsOf(bed)).resolves.toEqual(['stock replayed']);
  });

  it('nobody knows the topic; what was said to a device is passed over', async () => {
    const { bed, signer } = world();
    await give(bed, { ...signer.sign('stock', count), topic: 'retail/default/d1/dance' });
    await give(bed, { ...signer.sign('stock', count), topic: 'retail/default/d1/command' });
    await expect(outcomes(bed)).resolves.toEqual(['foreign_topic 1', 'own_command 1']);
    expect(bed.memory.documents.size).toBe(0);
  });

  it('and leaves nothing of what it was', async () => {
    const { bed, signer } = world();
    await give(bed, signer.sign('stock', { mode: 'guess', pin: '4711' }));
    expect([...bed.memory.documents.values()].map(({ json }) => json).join()).not.toContain('4711');
  });

  it('of so many only the last hundred are kept, and no more than 30 in a minute', async () => {
    const { all, bed, signer } = world();
    for (let minute = 0; minute < 5; minute++) {
      for (let turn = 0; turn < 40; turn++) await give(bed, signer.sign('stock', {}));
      all.clock.advance(MINUTE_MS);
      if (minute === 0) await expect(refusalsOf(bed)).resolves.toHaveLength(20);
    }
    const { total } = await bed.call('listRefusals', { deviceId: 'd1', page: 1, limit: 1 });
    expect(total).toBe(100);
    await expect(outcomes(bed)).resolves.toEqual(['unreadable 200']);
  });

  it('it is refused once, whatever happens on the way', async () => {
    await expectCrashSafe(
      () => new World().bed(),
      (bed) => give(bed, new World().signer().sign('stock', {})),
    );
  });
});
