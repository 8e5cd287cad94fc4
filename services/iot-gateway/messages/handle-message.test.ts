import { describe, expect, it, test } from '@jest/globals';
import { topicText } from '#contracts/device-messages';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { unavailable } from '#kit/core/errors';
import {
  FakeServices,
  admin,
  count,
  deliver,
  outcomesOf,
  rejectionsOf,
  sale,
} from '../testing/fixtures';

const MINUTE_MS = 60_000;

describe('the data of a device', () => {
  test.each([
    ['stock', count],
    ['stock', { mode: 'delta', productId: 'tea', change: -1 }],
    ['sale', sale],
    ['telemetry', { temperature: 4.5, humidity: 60 }],
  ] as const)('is published with its device and position: %s', async (kind, data) => {
    const services = new FakeServices();
    const bed = services.bed();
    await deliver(bed, services.signer().sign(kind, data));
    expect(bed.published(DeviceDataReceived)).toEqual([
      {
        deviceId: 'd1',
        shopId: 'shop_1',
        dataType: kind,
        data,
        position: { boot: 'boot-1', start: 1, seq: 1, at: '2026-01-01T00:00:00.000Z' },
      },
    ]);
    await expect(outcomesOf(bed)).resolves.toEqual(['taken 1']);
  });

  it('is published as faults if a status lists them, or lists none any more', async () => {
    const services = new FakeServices();
    const bed = services.bed();
    const signer = services.signer();
    const faults = [{ code: 'slot_jammed', slot: 'A3' }];
    await deliver(bed, signer.sign('status', { status: 'online', faults }));
    await deliver(bed, signer.sign('status', { status: 'online' }));
    await deliver(bed, signer.sign('status', { status: 'online', faults: [] }));
    expect(bed.published(DeviceDataReceived)).toMatchObject([
      { dataType: 'faults', data: faults, position: { seq: 1 } },
      { dataType: 'faults', data: [], position: { seq: 3 } },
    ]);
  });

  it('may be signed with either credential while a credential is renewed', async () => {
    const services = new FakeServices();
    const bed = services.bed();
    const newer = services.signer('d2', { boot: 'b2', credential: 'new key of d2' });
    await deliver(bed, services.signer('d2').sign('stock', count));
    await deliver(bed, newer.sign('stock', count));
    expect(bed.published(DeviceDataReceived)).toHaveLength(2);
  });

  test.each(['stock', 'sale', 'telemetry'] as const)(
    'is published once, crash safe: %s',
    async (kind) => {
      const data = { stock: count, sale, telemetry: { temperature: 4 } }[kind];
      await expectCrashSafe(
        () => new FakeServices().bed(),
        (bed) => deliver(bed, new FakeServices().signer().sign(kind, data)),
      );
    },
  );

  it('is retried while the shop service is unavailable', async () => {
    const services = new FakeServices();
    const bed = services.bed();
    services.failures.push(unavailable('shop is unavailable'));
    const message = services.signer().sign('stock', count);
    await expect(deliver(bed, message)).rejects.toThrow('shop is unavailable');
    await deliver(bed, message);
    expect(bed.published(DeviceDataReceived)).toHaveLength(1);
  });

  it('costs one call to the shop service per 30 s', async () => {
    const services = new FakeServices();
    const bed = services.bed();
    const signer = services.signer();
    await deliver(bed, signer.sign('stock', count));
    await deliver(bed, signer.sign('stock', count));
    expect(bed.callCount('shop', 'identifyDevice')).toBe(1);
    services.clock.advance(30_000);
    await deliver(bed, signer.sign('stock', count));
    expect(bed.callCount('shop', 'identifyDevice')).toBe(2);
  });
});

test.each([
  ['stock', { mode: 'delta', productId: 'tea', change: -1_000_000 }],
  ['stock', { mode: 'count', productId: 'tea', pieces: 1_000_000 }],
  ['sale', { ...sale, quantity: 1_000, paidMinor: 1_000_000_000 }],
  ['telemetry', { epochMilliseconds: 1.8e12, loss: -0.001 }],
] as const)('the largest numbers are accepted: %s %j', async (kind, data) => {
  const services = new FakeServices();
  const bed = services.bed();
  await deliver(bed, services.signer().sign(kind, data));
  expect(bed.published(DeviceDataReceived)).toMatchObject([{ data }]);
});

describe('a duplicate message', () => {
  it('is acknowledged without an effect', async () => {
    const services = new FakeServices();
    const bed = services.bed();
    const message = services.signer().sign('stock', count);
    await deliver(bed, message);
    await deliver(bed, message);
    expect(bed.memory.events).toHaveLength(1);
    await expect(outcomesOf(bed)).resolves.toEqual(['taken 1', 'duplicate 1']);
  });

  it('is the same event if another replica handles it', async () => {
    const services = new FakeServices();
    const bed = services.bed();
    const other = services.bed(bed.memory);
    const message = services.signer().sign('sale', sale);
    await deliver(bed, message);
    await deliver(other, message);
    expect(bed.memory.events).toHaveLength(2);
    expect(bed.published(DeviceDataReceived)).toHaveLength(1);
  });
});

describe('messages that arrive out of order', () => {
  test.each([
    ['stock', count],
    ['sale', sale],
  ] as const)('are all published if each of them counts: %s', async (kind, data) => {
    const services = new FakeServices();
    const bed = services.bed();
    const signer = services.signer();
    const [first, second, third] = [1, 2, 3].map(() => signer.sign(kind, data));
    for (const message of [third!, first!, second!, first!]) await deliver(bed, message);
    const places = bed.published(DeviceDataReceived).map(({ position }) => position.seq);
    expect(places).toEqual([3, 1, 2]);
  });

  it('are rejected if a later one replaces them', async () => {
    const services = new FakeServices();
    const bed = services.bed();
    const signer = services.signer();
    const [first, second] = [1, 2].map(() => signer.sign('telemetry', { temperature: 4 }));
    await deliver(bed, second!);
    await deliver(bed, first!);
    expect(bed.published(DeviceDataReceived)).toHaveLength(1);
    await expect(rejectionsOf(bed)).resolves.toEqual(['telemetry out_of_order']);
  });
});

describe('a message is rejected, and acknowledged to the broker, if', () => {
  const setUp = () => {
    const services = new FakeServices();
    return { services, bed: services.bed(), signer: services.signer() };
  };

  it('its device is unknown', async () => {
    const { services, bed } = setUp();
    await deliver(bed, services.signer('unknown').sign('stock', count));
    await expect(outcomesOf(bed)).resolves.toEqual(['unknown_device 1']);
    // an invented device id creates no document
    expect(bed.memory.documents.size).toBe(0);
  });

  it('its device is retired', async () => {
    const { services, bed } = setUp();
    await deliver(bed, services.signer('old').sign('stock', count));
    await expect(rejectionsOf(bed, 'old')).resolves.toEqual(['stock retired_device']);
  });

  it('it is signed by another device, for another topic, or not at all', async () => {
    const { services, bed, signer } = setUp();
    await deliver(bed, services.signer('d1', { credential: 'key of d2' }).sign('stock', count));
    const topic = topicText({ tenantId: 'default', deviceId: 'd1', kind: 'sale' });
    await deliver(bed, { ...signer.sign('stock', count), topic });
    await deliver(bed, { ...signer.sign('stock', count), payload: '{}' });
    await expect(rejectionsOf(bed)).resolves.toEqual([
      'stock wrong_signature',
      'sale wrong_signature',
      'stock wrong_signature',
    ]);
  });

  it('it does not match the schema of its kind, or has an unknown version', async () => {
    const { bed, signer } = setUp();
    await deliver(bed, signer.sign('stock', { mode: 'guess' }));
    await deliver(bed, signer.sign('stock', count, { v: 2 }));
    await expect(rejectionsOf(bed)).resolves.toEqual(['stock unreadable', 'stock unreadable']);
  });

  it('it is larger than 64 KiB', async () => {
    const { bed, signer } = setUp();
    await deliver(bed, signer.sign('stock', { ...count, productId: 'x'.repeat(65_536) }));
    await expect(rejectionsOf(bed)).resolves.toEqual(['stock oversized']);
  });

  it.each([70_000, 5_000_000])(
    'it has %i bytes, even if its device cannot be identified',
    async (bytes) => {
      const { services, bed } = setUp();
      const topic = (deviceId: string) =>
        topicText({ tenantId: 'default', deviceId, kind: 'sale' });
      services.failures.push(unavailable('shop is unavailable'));
      const payload = 'x'.repeat(bytes);
      await deliver(bed, { topic: topic('d1'), payload });
      await deliver(bed, { topic: topic('invented'), payload });
      await expect(outcomesOf(bed)).resolves.toEqual(['oversized 2']);
      expect(bed.memory.documents.size).toBe(0);
    },
  );

  test.each([
    ['stock', { mode: 'delta', productId: 'tea', change: -9_007_199_254_740_991 }],
    ['stock', { mode: 'delta', productId: 'tea', change: 1_000_001 }],
    ['stock', { mode: 'count', productId: 'tea', pieces: 1_000_001 }],
    ['sale', { ...sale, quantity: 1_001 }],
    ['sale', { ...sale, paidMinor: 1_000_000_001 }],
    ['telemetry', { temperature: -1e308 }],
    ['telemetry', { temperature: 4, energy: 1e16 }],
  ] as const)('a number in it is out of range: %s %j', async (kind, data) => {
    const { bed, signer } = setUp();
    await deliver(bed, signer.sign(kind, data));
    expect(bed.published(DeviceDataReceived)).toEqual([]);
    await expect(rejectionsOf(bed)).resolves.toEqual([`${kind} out_of_range`]);
  });

  it.each([
    ['stock', { ...count, productId: 'tea||pen' }],
    ['stock', { ...count, productId: 'shop_2:tea' }],
    ['sale', { ...sale, saleId: 's\u0000' }],
    ['sale', { ...sale, slot: '\ud800' }],
    ['status', { status: 'online', firmwareVersion: '1\u0000' }],
    ['status', { status: 'online', faults: [{ code: 'jammed', slot: 'A\u202e3' }] }],
    ['sale', { ...sale, saleId: 's\u200b' }],
    ['status', { status: 'online', faults: [{ code: 'jammed', slot: 'A\n1' }] }],
    ['telemetry', { 'tempera\u0000ture': 4 }],
    ['ack', { commandId: 'c||1', outcome: 'acknowledged' }],
  ] as const)('a text in it cannot be stored: %s %j', async (kind, data) => {
    const { bed, signer } = setUp();
    await deliver(bed, signer.sign(kind, data));
    await expect(rejectionsOf(bed)).resolves.toEqual([`${kind} unreadable`]);
  });

  it.each([
    ['a byte that begins no character', [0xff]],
    ['an overlong form', [0xc0, 0xaf]],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
    ['a character that is cut', [0xe2, 0x82]],
    ['Latin-1', [0xe9]],
  ])('it is not UTF-8: %s', async (_, bytes) => {
    const { bed, signer } = setUp();
    // the signature is that of the text in which a decoder replaced the bytes
    const replaced = Buffer.from(bytes).toString();
    const { topic, payload } = signer.sign('sale', { ...sale, slot: replaced });
    const parts = payload.split(replaced).map((part) => Buffer.from(part));
    const data = Buffer.concat([parts[0]!, Buffer.from(bytes), parts[1]!]);
    await bed.handleBindingMessage('devices', { data, metadata: { topic } });
    expect(bed.published(DeviceDataReceived)).toEqual([]);
    await expect(rejectionsOf(bed)).resolves.toEqual(['sale not_utf8']);
  });

  it('its sequence number does not fit into an int32', async () => {
    const { bed, signer } = setUp();
    await deliver(bed, signer.sign('stock', count, { seq: 2 ** 31 }));
    await deliver(bed, signer.sign('stock', count, { seq: -1 }));
    await expect(rejectionsOf(bed)).resolves.toEqual(['stock unreadable', 'stock unreadable']);
  });

  it('another message had its sequence number', async () => {
    const { bed, signer } = setUp();
    await deliver(bed, signer.sign('stock', count));
    await deliver(bed, signer.sign('stock', { ...count, pieces: 8 }, { seq: 1 }));
    await expect(rejectionsOf(bed)).resolves.toEqual(['stock replayed']);
  });

  it('its topic is unknown; a command of the platform is ignored', async () => {
    const { bed, signer } = setUp();
    await deliver(bed, { ...signer.sign('stock', count), topic: 'retail/default/d1/dance' });
    await deliver(bed, { ...signer.sign('stock', count), topic: 'retail/default/d1/command' });
    await expect(outcomesOf(bed)).resolves.toEqual(['foreign_topic 1', 'own_command 1']);
    expect(bed.memory.documents.size).toBe(0);
  });

  it('it is invalid, and its content is not recorded', async () => {
    const { bed, signer } = setUp();
    await deliver(bed, signer.sign('stock', { mode: 'guess', pin: '4711' }));
    expect([...bed.memory.documents.values()].map(({ json }) => json).join()).not.toContain('4711');
  });

  it('it is invalid: the last 100 are recorded, and at most 30 per minute', async () => {
    const { services, bed, signer } = setUp();
    for (let minute = 0; minute < 5; minute++) {
      for (let turn = 0; turn < 40; turn++) await deliver(bed, signer.sign('stock', {}));
      services.clock.advance(MINUTE_MS);
      if (minute === 0) await expect(rejectionsOf(bed)).resolves.toHaveLength(20);
    }
    const { total } = await bed.call(
      'listRefusals',
      { deviceId: 'd1', page: 1, limit: 1 },
      { caller: admin },
    );
    expect(total).toBe(100);
    await expect(outcomesOf(bed)).resolves.toEqual(['unreadable 200']);
  });

  it('it is invalid, crash safe', async () => {
    await expectCrashSafe(
      () => new FakeServices().bed(),
      (bed) => deliver(bed, new FakeServices().signer().sign('stock', {})),
    );
  });
});
