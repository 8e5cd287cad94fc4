import { describe, expect, it, test } from '@jest/globals';
import { DeviceStatusUpdated } from '#contracts/iot-gateway';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { refused, unavailable } from '#kit/core/errors';
import { aged, heard } from './presence';
import { type Bed, World, admin, count, give, refusalsOf } from './testing';

const SECOND_MS = 1_000;

const said = (bed: Bed) =>
  bed.published(DeviceStatusUpdated).map(({ deviceId, status }) => `${deviceId} ${status}`);

function scene() {
  const world = new World();
  const bed = world.bed();
  const signer = world.signer();
  const tells = (status: 'online' | 'offline', more = {}) =>
    give(bed, signer.sign('status', { status, ...more }));
  const after = async (seconds: number) => {
    world.clock.advance(seconds * SECOND_MS);
    await bed.runIntervalTask('presence');
    await bed.runJob('presence');
  };
  const presence = () => bed.call('getPresence', { deviceId: 'd1' }, { caller: admin });
  return { world, bed, signer, tells, after, presence };
}

describe('a device that tells that it is there', () => {
  it('is said to be online at once, and only once', async () => {
    const { world, bed, tells } = scene();
    await tells('online');
    expect(said(bed)).toEqual(['d1 online']);
    expect(bed.published(DeviceStatusUpdated)).toEqual([
      {
        ...{ deviceId: 'd1', shopId: 'shop_1', status: 'online' },
        lastSeen: '2026-01-01T00:00:00.000Z',
      },
    ]);
    await tells('online');
    expect(said(bed)).toEqual(['d1 online']);
    expect(world.told).toEqual(['d1 online']);
  });

  it('costs no write for each of its heartbeats', async () => {
    const { bed, tells, after, presence } = scene();
    await tells('online');
    bed.injectFaults({});
    for (let beat = 0; beat < 10; beat++) await tells('online');
    expect(bed.sidecar.effects).toBe(0);
    await after(4);
    // one for all that was heard
    expect(bed.sidecar.saves).toBe(1);
    await expect(presence()).resolves.toMatchObject({ status: 'online' });
  });

  it('is offline at once where it says so', async () => {
    const { bed, tells } = scene();
    await tells('online');
    await tells('offline');
    expect(said(bed)).toEqual(['d1 online', 'd1 offline']);
  });

  it('is known to be there as soon as it was heard, though that is not written down', async () => {
    const { world, tells, presence } = scene();
    await tells('online');
    const before = await presence();
    world.clock.advance(3 * SECOND_MS);
    await tells('online');
    const after = await presence();
    expect(after.lastSeen!.seconds - before.lastSeen!.seconds).toBe(3n);
  });

  it('tells the shop of its firmware when that has changed', async () => {
    const { world, bed, tells } = scene();
    await tells('online', { firmwareVersion: '1.0' });
    await tells('online', { firmwareVersion: '1.0' });
    await tells('online', { firmwareVersion: '1.1' });
    expect(world.told).toEqual(['d1 online', 'd1 online']);
    expect(said(bed)).toEqual(['d1 online']);
  });

  it('is said once, whatever happens on the way', async () => {
    await expectCrashSafe(
      () => new World().bed(),
      (bed) => give(bed, new World().signer().sign('status', { status: 'online' })),
    );
  });

  it('is said by whichever replica it comes to, once', async () => {
    const { world, bed, tells, signer, after } = scene();
    const other = world.bed(bed.memory);
    await tells('online');
    await give(other, signer.sign('status', { status: 'online' }));
    await tells('offline');
    // the other one believes that it is online still
    await give(other, signer.sign('status', { status: 'online' }));
    await other.runIntervalTask('presence');
    await after(0);
    expect(said(bed)).toEqual(['d1 online', 'd1 offline', 'd1 online']);
  });

  it('comes again where the shop is away, and is told then', async () => {
    const { world, bed, signer } = scene();
    await give(bed, signer.sign('telemetry', {}));
    world.faults.push(unavailable('away'));
    const message = signer.sign('status', { status: 'online' });
    await expect(give(bed, message)).rejects.toThrow('away');
    await give(bed, message);
    expect(world.told).toEqual(['d1 online']);
    expect(said(bed)).toEqual(['d1 online']);
  });

  it('is said though the shop does not know it any more', async () => {
    const { world, bed, signer } = scene();
    await give(bed, signer.sign('telemetry', {}));
    world.faults.push(refused('retired', 'it is retired'));
    await give(bed, signer.sign('status', { status: 'online' }));
    expect(said(bed)).toEqual(['d1 online']);
  });
});

describe('a device that falls silent', () => {
  it('is offline after 90 s, and not before', async () => {
    const { bed, tells, after, presence } = scene();
    await tells('online');
    await after(89);
    expect(said(bed)).toEqual(['d1 online']);
    await after(1);
    await after(15);
    expect(said(bed)).toEqual(['d1 online', 'd1 offline']);
    await expect(presence()).resolves.toMatchObject({ status: 'offline' });
  });

  it('is not silent as long as it tells of anything', async () => {
    const { bed, signer, tells, after } = scene();
    await tells('online');
    for (let beat = 0; beat < 4; beat++) {
      await give(bed, signer.sign('stock', count));
      await after(60);
    }
    expect(said(bed)).toEqual(['d1 online']);
  });

  it('is online again with the next thing it tells', async () => {
    const { bed, tells, after } = scene();
    await tells('online');
    await after(90);
    await tells('online');
    await after(0);
    expect(said(bed)).toEqual(['d1 online', 'd1 offline', 'd1 online']);
  });

  it('is found once, wherever the process that looks is killed', async () => {
    await expectCrashSafe(
      async () => {
        const { bed, tells, world } = scene();
        await tells('online');
        world.clock.advance(100 * SECOND_MS);
        bed.restart();
        return bed;
      },
      async (bed) => {
        await bed.runJob('presence');
      },
    );
  });

  it.each([1, 2, 3, 4])(
    'and comes back is online, though who told of it was killed at %d',
    async (at) => {
      const { world, bed, tells, after } = scene();
      await tells('online');
      world.clock.advance(100 * SECOND_MS);
      bed.injectFaults({ crashAfterEffect: at });
      await bed.runJob('presence').catch(() => undefined);
      bed.restart();
      await tells('online');
      await after(15);
      expect(world.told.at(-1)).toBe('d1 online');
      expect(said(bed).at(-1)).toBe('d1 online');
    },
  );

  it('is forgotten after a month', async () => {
    const { bed, tells, after, presence } = scene();
    await tells('online');
    await after(90);
    await after(30 * 24 * 3_600);
    await expect(presence()).resolves.toMatchObject({ status: 'unknown' });
    expect(said(bed)).toEqual(['d1 online', 'd1 offline']);
  });
});

describe('a last will', () => {
  it('counts after 10 s', async () => {
    const { bed, signer, tells, after } = scene();
    const will = signer.lastWill();
    await tells('online');
    await give(bed, will);
    await after(9);
    expect(said(bed)).toEqual(['d1 online']);
    await after(1);
    expect(said(bed)).toEqual(['d1 online', 'd1 offline']);
  });

  it('is void where the device came back meanwhile', async () => {
    const { bed, world, signer, tells, after } = scene();
    const will = signer.lastWill();
    await tells('online');
    await give(bed, will);
    world.clock.advance(3 * SECOND_MS);
    await tells('online');
    await after(8);
    await after(15);
    expect(said(bed)).toEqual(['d1 online']);
  });

  it('is of one start of the device, and says nothing of the next', async () => {
    const { bed, world, signer, tells, after } = scene();
    const will = signer.lastWill();
    await tells('online');
    world.clock.advance(SECOND_MS);
    await give(bed, world.signer('d1', { boot: 'boot-2' }).sign('status', { status: 'online' }));
    await give(bed, will);
    await after(20);
    expect(said(bed)).toEqual(['d1 online']);
  });

  it('of a device that has told nothing yet is nothing', async () => {
    const { bed, signer, after } = scene();
    await give(bed, signer.lastWill());
    await after(20);
    expect(said(bed)).toEqual([]);
  });

  it('counts though it was signed long ago, as its device was connected so long', async () => {
    const { bed, world, signer, after } = scene();
    const will = signer.lastWill();
    world.clock.advance(8 * 24 * 3_600 * SECOND_MS);
    await give(bed, signer.sign('status', { status: 'online' }));
    await give(bed, will);
    await after(10);
    expect(said(bed)).toEqual(['d1 online', 'd1 offline']);
  });
});

describe('what is older changes nothing', () => {
  it('by the numbers of one start', async () => {
    const { bed, signer } = scene();
    const [first, second] = (['online', 'offline'] as const).map((status) =>
      signer.sign('status', { status }),
    );
    await give(bed, second!);
    await give(bed, first!);
    expect(said(bed)).toEqual(['d1 offline']);
    await expect(refusalsOf(bed)).resolves.toEqual(['status out_of_order']);
  });

  it('by the clock of the device, of two starts', async () => {
    const { bed, world, signer, after } = scene();
    const before = signer.sign('status', { status: 'offline' });
    world.clock.advance(SECOND_MS);
    await give(bed, world.signer('d1', { boot: 'boot-2' }).sign('status', { status: 'online' }));
    await give(bed, before);
    await after(0);
    expect(said(bed)).toEqual(['d1 online']);
  });
});

describe('a device that comes and goes', () => {
  it('is said three times in five minutes, and then once it is steady for one', async () => {
    const { bed, tells, after } = scene();
    for (let turn = 0; turn < 5; turn++) {
      await tells(turn % 2 === 0 ? 'online' : 'offline');
      await after(5);
    }
    expect(said(bed)).toEqual(['d1 online', 'd1 offline', 'd1 online']);
    // it is online in the end, as it was said
    await tells('offline');
    await after(59);
    expect(said(bed)).toHaveLength(3);
    await after(1);
    expect(said(bed)).toEqual(['d1 online', 'd1 offline', 'd1 online', 'd1 offline']);
  });
});

test('what was heard before a device was found silent, and is known later, is the later change', () => {
  const device = { tenantId: 'default', deviceId: 'd1', shopId: 'shop_1' };
  const at = (second: number) => new Date(second * SECOND_MS).toISOString();
  const told = (seq: number) => ({ status: 'online' as const, boot: 'b', seq, at: at(seq) });
  const online = heard(undefined, { ...device, lastSeen: at(1), told: told(1) })!;
  const offline = aged(online, at(100))!;
  const back = heard(offline, { ...device, lastSeen: at(99), told: told(2) })!;
  expect(back).toMatchObject({ state: 'online', number: 3 });
  expect(back.since > offline.since).toBe(true);
});

test('of a device that nobody knows there is no presence', async () => {
  const { bed } = scene();
  const call = (deviceId: string) => bed.call('getPresence', { deviceId }, { caller: admin });
  await expect(call('nobody')).rejects.toThrow('device not found');
  await expect(call('d2')).resolves.toMatchObject({ status: 'unknown' });
});
