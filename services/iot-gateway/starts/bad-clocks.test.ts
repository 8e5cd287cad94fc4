import { describe, expect, it, test } from '@jest/globals';
import { signedMessage } from '#contracts/device-messages';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { FakeServices, count, deliver, rejectionsOf, sale } from '../testing/fixtures';
import { published, setUp } from '../testing/presence';
import { MAX_STARTS } from './device-starts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 24 * 60 * MINUTE_MS;
const START = Date.parse('2026-01-01T00:00:00Z');

const CLOCKS = [
  ['is right', 0],
  ['is ten minutes slow', -10 * MINUTE_MS],
  ['is ten minutes fast', 10 * MINUTE_MS],
  ['is a year slow', -YEAR_MS],
  ['is at 1970', -START],
  ['is in 2038', Date.parse('2038-01-19T03:14:07Z') - START],
  ['is in the year 9999', Date.parse('9999-12-31T00:00:00Z') - START],
] as const;

describe.each(CLOCKS)('a device that restarts and whose clock %s', (_, ahead) => {
  const restarted = async () => {
    const { bed, services, reportStatus, advance } = setUp();
    await reportStatus('offline');
    services.clock.advance(30 * SECOND_MS);
    return { bed, services, advance, signer: services.signer('d1', { boot: 'boot-2', ahead }) };
  };

  it('is online', async () => {
    const { bed, signer } = await restarted();
    await deliver(bed, signer.sign('status', { status: 'online' }));
    expect(published(bed)).toEqual(['d1 offline', 'd1 online']);
    await expect(rejectionsOf(bed)).resolves.toEqual([]);
  });

  it('goes offline ten seconds after its last will', async () => {
    const { bed, signer, advance } = await restarted();
    const will = signer.lastWill();
    await deliver(bed, signer.sign('status', { status: 'online' }));
    await deliver(bed, will);
    await advance(10);
    expect(published(bed)).toEqual(['d1 offline', 'd1 online', 'd1 offline']);
    await expect(rejectionsOf(bed)).resolves.toEqual([]);
  });

  test.each([
    ['stock', count],
    ['sale', sale],
    ['telemetry', { temperature: 4 }],
  ] as const)(
    'has its messages published with the time of the platform: %s',
    async (kind, data) => {
      const { bed, services, signer } = await restarted();
      await deliver(bed, signer.sign(kind, data));
      const kept = signer.sign(kind, data);
      services.clock.advance(3 * MINUTE_MS);
      await deliver(bed, kept);
      const at = new Date(START + 30 * SECOND_MS).toISOString();
      expect(bed.published(DeviceDataReceived)).toMatchObject([
        { position: { boot: 'boot-2', start: 2, seq: 1, at } },
        { position: { boot: 'boot-2', start: 2, seq: 2, at } },
      ]);
      await expect(rejectionsOf(bed)).resolves.toEqual([]);
    },
  );

  it('has its new faults published, with a start that is later than the one before', async () => {
    const { bed, signer } = await restarted();
    const faults = [{ code: 'slot_jammed', slot: 'A3' }];
    await deliver(bed, signer.sign('status', { status: 'online', faults }));
    expect(bed.published(DeviceDataReceived)).toMatchObject([
      { dataType: 'faults', data: faults, position: { start: 2, seq: 1 } },
    ]);
  });
});

describe('a clock that is set back while its device runs', () => {
  const setBack = () => {
    let ahead = 0;
    const { bed, services, advance, presence } = setUp();
    const signer = services.signer('d1', { ahead: () => ahead });
    const goBack = () => {
      services.clock.advance(MINUTE_MS);
      ahead = -3_600 * SECOND_MS;
    };
    return { bed, services, advance, presence, signer, goBack };
  };

  it('changes nothing for the status', async () => {
    const { bed, signer, goBack } = setBack();
    await deliver(bed, signer.sign('status', { status: 'online' }));
    goBack();
    await deliver(bed, signer.sign('status', { status: 'offline' }));
    expect(published(bed)).toEqual(['d1 online', 'd1 offline']);
    await expect(rejectionsOf(bed)).resolves.toEqual([]);
  });

  it('leaves sales with the time of the platform, also after the process was restarted', async () => {
    const { bed, services, signer, goBack } = setBack();
    await deliver(bed, signer.sign('sale', sale));
    goBack();
    await deliver(bed, signer.sign('sale', { ...sale, saleId: 's2' }));
    bed.restart();
    services.clock.advance(MINUTE_MS);
    await deliver(bed, signer.sign('sale', { ...sale, saleId: 's3' }));
    const times = bed.published(DeviceDataReceived).map(({ position }) => position.at);
    expect(times).toEqual(
      [0, 1, 2].map((minute) => new Date(START + minute * MINUTE_MS).toISOString()),
    );
  });

  it('leaves the last will of the next connection in effect, and an earlier one without', async () => {
    const { bed, signer, goBack, advance, presence } = setBack();
    const before = signer.lastWill();
    await deliver(bed, signer.sign('status', { status: 'online' }));
    await deliver(bed, before);
    await advance(10);
    goBack();
    const will = signer.lastWill();
    await deliver(bed, signer.sign('status', { status: 'online' }));
    await deliver(bed, before);
    await advance(15);
    expect(published(bed)).toEqual(['d1 online', 'd1 offline', 'd1 online']);
    await deliver(bed, will);
    await advance(10);
    await expect(presence()).resolves.toMatchObject({ status: 'offline' });
  });
});

describe('times are instants', () => {
  const at = async (...times: string[]) => {
    const services = new FakeServices();
    const bed = services.bed();
    for (const [index, time] of times.entries()) {
      const { topic, payload } = services
        .signer('d1')
        .sign('stock', { ...count, pieces: index }, { seq: index + 1 });
      const [line = ''] = payload.split('\n');
      const message = { ...(JSON.parse(line) as object), at: time };
      await deliver(bed, { topic, payload: signedMessage('key of d1', topic, message) });
    }
    const dates = bed.published(DeviceDataReceived).map(({ position }) => position.at);
    return { dates, rejections: await rejectionsOf(bed) };
  };

  test.each([
    '2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00.0Z',
    '2026-01-01T00:00:00.000000000Z',
    '2026-01-01T00:00:00+00:00',
    '2026-01-01T00:00:00-00:00',
    '2026-01-01T01:00:00+01:00',
    '2025-12-31T18:30:00-05:30',
    '2026-01-01t00:00:00z',
    '2026-01-01T00:00:00.4Z',
  ])('however they are written: %s', async (time) => {
    expect(await at(time)).toEqual({ dates: ['2026-01-01T00:00:00.000Z'], rejections: [] });
  });

  test.each(['2016-12-31T23:59:60Z', '2017-01-01T00:59:60.5+01:00'])(
    'also in a leap second: %s',
    async (time) => {
      const { rejections, dates } = await at(time);
      expect(rejections).toEqual([]);
      expect(dates).toHaveLength(1);
    },
  );

  test.each([
    'yesterday',
    '2026-01-01',
    '2026-01-01T00:00:00',
    '2026-02-30T00:00:00Z',
    '2026-01-01T24:00:01Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:61Z',
    '+012026-01-01T00:00:00Z',
    '0000-01-01T00:00:00+23:00',
  ])('and not any text: %s', async (time) => {
    expect(await at(time)).toEqual({ dates: [], rejections: ['stock unreadable'] });
  });

  it('that are compared by their value: :00Z is before :00.300Z', async () => {
    const { bed, reportStatus, services, presence } = setUp();
    await reportStatus('online');
    services.clock.advance(300);
    await reportStatus('online');
    expect((await presence()).lastSeen).toMatchObject({ nanos: 300_000_000 });
    expect(published(bed)).toEqual(['d1 online']);
  });
});

describe('a captured message', () => {
  it('of an earlier start does not become the newest start, also after a restart of the process', async () => {
    const { bed, services, signer, reportStatus, advance } = setUp();
    const captured = signer.sign('status', { status: 'online', faults: [] });
    await deliver(bed, captured);
    const next = services.signer('d1', { boot: 'boot-2' });
    await deliver(bed, next.sign('status', { status: 'offline' }));
    // the device is silent for long, so that only the memory of its starts protects it
    await advance(3_600);
    bed.restart();
    await deliver(bed, captured);
    await advance(20);
    expect(published(bed)).toEqual(['d1 online', 'd1 offline']);
    await expect(rejectionsOf(bed)).resolves.toEqual(['status earlier_start']);
    expect(bed.published(DeviceDataReceived)).toHaveLength(1);
    await reportStatus('online');
  });

  it('of a start that is no longer kept is rejected, and creates no event', async () => {
    const { bed, services } = setUp();
    const captured = services.signer('d1', { boot: 'b0' }).sign('sale', sale);
    await deliver(bed, captured);
    for (let n = 1; n <= MAX_STARTS; n++) {
      await deliver(bed, services.signer('d1', { boot: `b${n}` }).sign('telemetry', {}));
    }
    bed.restart();
    const before = bed.memory.events.length;
    await deliver(bed, captured);
    expect(bed.memory.events).toHaveLength(before);
    await expect(rejectionsOf(bed)).resolves.toEqual(['sale earlier_start']);
  });
});

describe('an old message that was delayed and begins a start', () => {
  it('is corrected when the real start goes on', async () => {
    const { bed, services, reportStatus, advance } = setUp();
    await reportStatus('online');
    const old = services.signer('d1', { boot: 'boot-0' });
    await deliver(bed, old.sign('status', { status: 'offline' }));
    expect(published(bed)).toEqual(['d1 online', 'd1 offline']);
    await advance(30);
    await reportStatus('online');
    await expect(rejectionsOf(bed)).resolves.toEqual(['status earlier_start']);
    await advance(30);
    await reportStatus('online');
    expect(published(bed)).toEqual(['d1 online', 'd1 offline', 'd1 online']);
    // and the old start is the earlier one now
    await deliver(bed, old.sign('status', { status: 'offline' }));
    await advance(30);
    expect(published(bed)).toHaveLength(3);
  });

  it('counts as a sale, and does not change the presence', async () => {
    const { bed, services, signer, reportStatus, advance } = setUp();
    await reportStatus('online');
    const old = services.signer('d1', { boot: 'boot-0' });
    await deliver(bed, old.sign('sale', sale));
    expect(bed.published(DeviceDataReceived)).toMatchObject([{ dataType: 'sale' }]);
    await advance(30);
    await deliver(bed, signer.sign('status', { status: 'offline' }));
    expect(published(bed)).toEqual(['d1 online', 'd1 offline']);
    await expect(rejectionsOf(bed)).resolves.toEqual([]);
  });
});

it('a message of an earlier start does not keep a device online', async () => {
  const { bed, services, signer, reportStatus, advance } = setUp();
  await reportStatus('online');
  const next = services.signer('d1', { boot: 'boot-2' });
  await deliver(bed, next.sign('status', { status: 'online' }));
  await advance(60);
  await deliver(bed, signer.sign('sale', sale));
  await advance(30);
  expect(published(bed)).toEqual(['d1 online', 'd1 offline']);
});

it('a device that was known before starts were recorded continues with its start', async () => {
  const { bed, services, reportStatus, advance } = setUp();
  await reportStatus('online');
  for (const key of [...bed.memory.documents.keys()]) {
    if (key.includes('starts')) bed.memory.documents.delete(key);
  }
  bed.restart();
  const next = services.signer('d1', { boot: 'boot-2', ahead: -600 * SECOND_MS });
  await deliver(bed, next.sign('status', { status: 'offline' }));
  await advance(0);
  expect(published(bed)).toEqual(['d1 online', 'd1 offline']);
});

it('the first message of a start is crash safe', async () => {
  await expectCrashSafe(
    async () => {
      const { bed, reportStatus } = setUp();
      await reportStatus('online');
      bed.restart();
      return bed;
    },
    async (bed) => {
      const services = new FakeServices();
      const signer = services.signer('d1', { boot: 'boot-2', ahead: -600 * SECOND_MS });
      await deliver(bed, signer.sign('sale', sale));
    },
  );
});

test('a heartbeat costs no read and no write, and a message no more than its event', async () => {
  const { bed, signer, reportStatus } = setUp();
  await reportStatus('online');
  await deliver(bed, signer.sign('sale', sale));
  bed.injectFaults({});
  await reportStatus('online');
  expect(bed.sidecar.effects).toBe(0);
  await deliver(bed, signer.sign('sale', { ...sale, saleId: 's2' }));
  expect(bed.sidecar.effects).toBe(1);
});
