import { describe, expect, it, test } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { count, deliver, rejectionsOf } from '../testing/fixtures';
import { published, setUp } from '../testing/presence';
import { presenceAt, withUpdate } from './presence';

const SECOND_MS = 1_000;

describe('a device that becomes silent', () => {
  it('is offline after 90 s', async () => {
    const { bed, reportStatus, advance, presence } = setUp();
    await reportStatus('online');
    await advance(89);
    expect(published(bed)).toEqual(['d1 online']);
    await advance(1);
    await advance(15);
    expect(published(bed)).toEqual(['d1 online', 'd1 offline']);
    await expect(presence()).resolves.toMatchObject({ status: 'offline' });
  });

  it('stays online while it sends any messages', async () => {
    const { bed, signer, reportStatus, advance } = setUp();
    await reportStatus('online');
    for (let beat = 0; beat < 4; beat++) {
      await deliver(bed, signer.sign('stock', count));
      await advance(60);
    }
    expect(published(bed)).toEqual(['d1 online']);
  });

  it('is online again with its next status', async () => {
    const { bed, reportStatus, advance } = setUp();
    await reportStatus('online');
    await advance(90);
    await reportStatus('online');
    await advance(0);
    expect(published(bed)).toEqual(['d1 online', 'd1 offline', 'd1 online']);
  });

  it('is published as offline once, wherever the sweeping process is killed', async () => {
    await expectCrashSafe(
      async () => {
        const { bed, reportStatus, services } = setUp();
        await reportStatus('online');
        services.clock.advance(100 * SECOND_MS);
        bed.restart();
        return bed;
      },
      async (bed) => {
        await bed.runJob('presence');
      },
    );
  });

  it.each([1, 2, 3, 4])(
    'and reconnects is online, even if the process died at effect %d of publishing it as offline',
    async (at) => {
      const { services, bed, reportStatus, advance } = setUp();
      await reportStatus('online');
      services.clock.advance(100 * SECOND_MS);
      bed.injectFaults({ crashAfterEffect: at });
      await bed.runJob('presence').catch(() => undefined);
      bed.restart();
      await reportStatus('online');
      await advance(15);
      expect(services.statusUpdates.at(-1)).toBe('d1 online');
      expect(published(bed).at(-1)).toBe('d1 online');
    },
  );

  it('is removed after 30 days', async () => {
    const { bed, reportStatus, advance, presence } = setUp();
    await reportStatus('online');
    await advance(90);
    await advance(30 * 24 * 3_600);
    await expect(presence()).resolves.toMatchObject({ status: 'unknown' });
    expect(published(bed)).toEqual(['d1 online', 'd1 offline']);
  });
});

describe('a last will', () => {
  it('takes effect after 10 s', async () => {
    const { bed, signer, reportStatus, advance } = setUp();
    const will = signer.lastWill();
    await reportStatus('online');
    await deliver(bed, will);
    await advance(9);
    expect(published(bed)).toEqual(['d1 online']);
    await advance(1);
    expect(published(bed)).toEqual(['d1 online', 'd1 offline']);
  });

  it('is void if the device has reconnected', async () => {
    const { bed, services, signer, reportStatus, advance } = setUp();
    const will = signer.lastWill();
    await reportStatus('online');
    await deliver(bed, will);
    services.clock.advance(3 * SECOND_MS);
    await reportStatus('online');
    await advance(8);
    await advance(15);
    expect(published(bed)).toEqual(['d1 online']);
  });

  it('has no effect on a later start of the device', async () => {
    const { bed, services, signer, reportStatus, advance } = setUp();
    const will = signer.lastWill();
    await reportStatus('online');
    services.clock.advance(SECOND_MS);
    await deliver(
      bed,
      services.signer('d1', { boot: 'boot-2' }).sign('status', { status: 'online' }),
    );
    await deliver(bed, will);
    await advance(20);
    expect(published(bed)).toEqual(['d1 online']);
  });

  it('has no effect if the device has not reported a status', async () => {
    const { bed, signer, advance } = setUp();
    await deliver(bed, signer.lastWill());
    await advance(20);
    expect(published(bed)).toEqual([]);
  });

  it('takes effect although it was signed days ago, when its device connected', async () => {
    const { bed, services, signer, advance } = setUp();
    const will = signer.lastWill();
    services.clock.advance(8 * 24 * 3_600 * SECOND_MS);
    await deliver(bed, signer.sign('status', { status: 'online' }));
    await deliver(bed, will);
    await advance(10);
    expect(published(bed)).toEqual(['d1 online', 'd1 offline']);
  });
});

describe('a last will that was captured', () => {
  test.each([31, 300])('is rejected after %i days', async (days) => {
    const { bed, services, signer, advance } = setUp();
    const will = signer.lastWill();
    services.clock.advance(days * 24 * 3_600 * SECOND_MS);
    await deliver(bed, signer.sign('status', { status: 'online' }));
    await deliver(bed, will);
    await advance(20);
    expect(published(bed)).toEqual(['d1 online']);
    await expect(rejectionsOf(bed)).resolves.toEqual(['status too_old']);
  });

  it('has an effect once, even if it arrives again when the device is back', async () => {
    const { bed, services, signer, reportStatus, advance, presence } = setUp();
    const will = signer.lastWill();
    await reportStatus('online');
    await deliver(bed, will);
    await advance(10);
    await reportStatus('online');
    services.clock.advance(SECOND_MS);
    await deliver(bed, will);
    await advance(15);
    expect(published(bed)).toEqual(['d1 online', 'd1 offline', 'd1 online']);
    // the will of the device's next connection has one
    await reportStatus('online');
    await deliver(bed, signer.lastWill());
    await advance(10);
    await expect(presence()).resolves.toMatchObject({ status: 'offline' });
  });

  it('has no effect if it was signed before one that had an effect', async () => {
    const { bed, services, signer, reportStatus, advance } = setUp();
    const earlier = signer.lastWill();
    services.clock.advance(SECOND_MS);
    const will = signer.lastWill();
    await reportStatus('online');
    await deliver(bed, will);
    await advance(10);
    await reportStatus('online');
    await deliver(bed, earlier);
    await advance(15);
    expect(published(bed)).toEqual(['d1 online', 'd1 offline', 'd1 online']);
  });

  it('is rejected if it is of a start that is unknown', async () => {
    const { bed, services, reportStatus, advance } = setUp();
    await reportStatus('online');
    await deliver(bed, services.signer('d1', { boot: 'boot-0' }).lastWill());
    await advance(20);
    await reportStatus('online');
    expect(published(bed)).toEqual(['d1 online']);
    await expect(rejectionsOf(bed)).resolves.toEqual(['status earlier_start']);
  });

  it('is rejected if it is from the future', async () => {
    const { bed, services, reportStatus, advance } = setUp();
    await reportStatus('online');
    await deliver(bed, services.signer('d1', { ahead: 3 * 60 * SECOND_MS }).lastWill());
    await advance(20);
    expect(published(bed)).toEqual(['d1 online']);
    await expect(rejectionsOf(bed)).resolves.toEqual(['status from_the_future']);
  });
});

describe('a device that changes often', () => {
  it('is published three times in five minutes, and then when it is stable for one minute', async () => {
    const { bed, reportStatus, advance } = setUp();
    for (let turn = 0; turn < 5; turn++) {
      await reportStatus(turn % 2 === 0 ? 'online' : 'offline');
      await advance(5);
    }
    expect(published(bed)).toEqual(['d1 online', 'd1 offline', 'd1 online']);
    // its last state is online, which is published already
    await reportStatus('offline');
    await advance(59);
    expect(published(bed)).toHaveLength(3);
    await advance(1);
    expect(published(bed)).toEqual(['d1 online', 'd1 offline', 'd1 online', 'd1 offline']);
  });
});

test('a message that arrived before the device was found silent and is stored later is the later change', () => {
  const device = { tenantId: 'default', deviceId: 'd1', shopId: 'shop_1' };
  const at = (second: number) => new Date(second * SECOND_MS).toISOString();
  const report = (seq: number) => {
    const [boot, start] = ['b', 1];
    return { status: 'online' as const, boot, start, seq, at: at(seq) };
  };
  const update = (second: number, seq: number) =>
    ({ ...device, start: 1, lastSeen: at(second), report: report(seq) }) as const;
  const online = withUpdate(undefined, update(1, 1))!;
  const offline = presenceAt(online, at(100))!;
  const back = withUpdate(offline, update(99, 2))!;
  expect(back).toMatchObject({ state: 'online', number: 3 });
  expect(back.since > offline.since).toBe(true);
});
