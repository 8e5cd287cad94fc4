import { type MessageInitShape, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { afterEach, describe, expect, test } from '@jest/globals';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import type { DeviceMessageSigner, SignedMessage } from '#contracts/device-message-signer';
import { Code, unavailable } from '#kit/core/errors';
import { type IngestOptions, type IngestServer, startIngest } from '#kit/boot/grpc-ingest';
import {
  IngestRequestSchema,
  type IngestResponse,
  IngestResponseSchema,
} from '#proto/retail/iot/v1/iot_gateway_pb';
import { FakeServices, admin, count, deliver } from '../testing/fixtures';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

type Request = MessageInitShape<typeof IngestRequestSchema>;

/** Opens a stream of any client. */
function connect({ port }: IngestServer, headers: Record<string, string> = {}) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    // a connection of its own
    'grpc.use_local_subchannel_pool': 1,
  });
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const stream = client.makeBidiStreamRequest(
    '/retail.iot.v1.DeviceIngestService/Ingest',
    (request: Request) => {
      const message = create(IngestRequestSchema, request);
      return Buffer.from(toBinary(IngestRequestSchema, message));
    },
    (bytes: Buffer) => fromBinary(IngestResponseSchema, bytes),
    metadata,
  );
  stream.on('error', () => {});
  // the device closes before its server
  open.unshift({
    close: () => {
      stream.cancel();
      client.close();
    },
  });
  const answers = stream[Symbol.asyncIterator]() as AsyncIterator<IngestResponse>;
  const next = async () => {
    const { value, done } = (await answers.next()) as { value: IngestResponse; done: boolean };
    if (done) throw new Error('the stream ended');
    return value.what;
  };
  const send = ({ topic, payload }: SignedMessage) =>
    stream.write({ topic, payload: Buffer.from(payload) });
  const challenge = async () => {
    const { case: which, value } = await next();
    if (which !== 'challenge') throw new Error(`${which} instead of a challenge`);
    return value.nonce;
  };
  return {
    send,
    next,
    challenge,
    answer: (opening: NonNullable<Request['opening']>) => stream.write({ opening }),
    /** Opens the stream as this device. */
    open: async (signer: DeviceMessageSigner) => {
      stream.write({ opening: signer.answerChallenge(await challenge()) });
      return (await next()).case;
    },
    receipt: async () => {
      const { case: which, value } = await next();
      return which === 'receipt'
        ? `${value.seq} ${value.accepted ? 'accepted' : value.reason}`
        : which;
    },
    close: () => {
      stream.cancel();
    },
  };
}

async function started(options: IngestOptions = {}) {
  const services = new FakeServices();
  const bed = services.bed();
  const ingest = await startIngest(bed.runtime, '127.0.0.1', 0, options);
  open.push(ingest);
  return { services, bed, ingest };
}

async function connected() {
  const { services, bed, ingest } = await started();
  const [signer, device] = [services.signer(), connect(ingest)];
  await expect(device.open(signer)).resolves.toBe('opened');
  return { services, bed, ingest, signer, device };
}

const command = (services: FakeServices, commandId: string) => ({
  ...{ commandId, deviceId: 'd1', name: 'dispense', arguments: { slot: 'A3' } },
  expiresAt: timestampFromMs(services.clock.now() + 60_000),
});

test('a message beyond the rate of its device gets a receipt that says so, and may be sent again later', async () => {
  const { services, bed, signer, device } = await connected();
  // the device has sent its burst by the broker
  for (let turn = 0; turn < 1_200; turn++) {
    await deliver(bed, { ...signer.sign('stock', count), payload: 'flood\n' });
  }
  const message = signer.sign('stock', count, { seq: 1 });
  device.send(message);
  await expect(device.receipt()).resolves.toBe('1 too_many');
  services.clock.advance(1_000);
  device.send(message);
  await expect(device.receipt()).resolves.toBe('1 accepted');
});

test('a message of a stream has the same effect as one of the broker, and gets a receipt', async () => {
  const { services, bed, signer, device } = await connected();
  const message = signer.sign('stock', count);
  device.send(message);
  await expect(device.receipt()).resolves.toBe('1 accepted');
  device.send(message);
  await expect(device.receipt()).resolves.toBe('1 accepted');
  device.send({ ...signer.sign('stock', count), payload: '{"boot":"b","seq":7}\nforged' });
  await expect(device.receipt()).resolves.toBe('7 wrong_signature');
  device.send({ topic: 'nonsense', payload: '' });
  await expect(device.receipt()).resolves.toBe('0 foreign_topic');
  // the same message from the broker is the same event
  await deliver(services.bed(bed.memory), message);
  expect(bed.published(DeviceDataReceived)).toHaveLength(1);
});

test('each of many concurrent messages gets a receipt', async () => {
  const { bed, signer, device } = await connected();
  for (let turn = 0; turn < 100; turn++) device.send(signer.sign('stock', count));
  const receipts = new Set<unknown>();
  for (let turn = 0; turn < 100; turn++) receipts.add(await device.receipt());
  expect(receipts.size).toBe(100);
  expect(bed.published(DeviceDataReceived)).toHaveLength(100);
});

test('a message that fails for now gets no receipt, and the stream ends', async () => {
  const { services, bed, signer, device } = await connected();
  services.failures.push(unavailable('shop is unavailable'));
  device.send(signer.sign('status', { status: 'online' }));
  await expect(device.receipt()).rejects.toThrow('shop is unavailable');
  expect(bed.published(DeviceDataReceived)).toHaveLength(0);
});

test('a device gets its commands by its stream once it has answered the challenge', async () => {
  const { services, bed, signer, device } = await connected();
  await bed.call('sendCommand', command(services, 'c1'));
  const sent = await device.next();
  if (sent.case !== 'command') throw new Error('no command arrived');
  expect(signer.verifyCommand(Buffer.from(sent.value).toString())).toMatchObject({
    commandId: 'c1',
  });
  device.send(signer.sign('ack', { commandId: 'c1', outcome: 'acknowledged' }));
  await expect(device.receipt()).resolves.toBe('1 accepted');
  const { status } = await bed.call('getCommand', { commandId: 'c1' }, { caller: admin });
  expect(status).toBe('acknowledged');
});

describe('a stream that is not opened', () => {
  const refused = { code: Code.UNAUTHENTICATED };

  test('takes no message, also one that its device has signed', async () => {
    const { bed, services, ingest } = await started();
    const device = connect(ingest);
    await device.challenge();
    device.send(services.signer().sign('stock', count));
    await expect(device.next()).rejects.toMatchObject(refused);
    expect(bed.published(DeviceDataReceived)).toEqual([]);
    expect(bed.callCount('shop', 'identifyDevice')).toBe(0);
  });

  test('receives no command of the device whose captured message it repeats', async () => {
    const { bed, services, ingest, signer, device } = await connected();
    const captured = signer.sign('stock', count);
    device.send(captured);
    await device.receipt();
    const thief = connect(ingest);
    await thief.challenge();
    thief.send(captured);
    await expect(thief.next()).rejects.toMatchObject(refused);
    await bed.call('sendCommand', command(services, 'c1'));
    await expect(device.next()).resolves.toMatchObject({ case: 'command' });
  });

  test('is not opened by the opening of another stream', async () => {
    const { services, ingest } = await started();
    const [device, thief] = [connect(ingest), connect(ingest)];
    const nonce = await device.challenge();
    await expect(thief.challenge()).resolves.not.toBe(nonce);
    const opening = services.signer().answerChallenge(nonce);
    device.answer(opening);
    await expect(device.next()).resolves.toMatchObject({ case: 'opened' });
    thief.answer(opening);
    await expect(thief.next()).rejects.toMatchObject(refused);
  });

  test.each([
    ['of an unknown device', 'unknown', 'key'],
    ['of a retired device', 'old', 'key of old'],
    ['with the credential of another device', 'd1', 'key of d2'],
    ['of a device whose id is not one', 'd/1', 'key'],
  ])('ends after an opening %s, always with the same error', async (_, deviceId, credential) => {
    const { services, ingest } = await started();
    const device = connect(ingest);
    const signer = services.signer(deviceId, { credential });
    await expect(device.open(signer)).rejects.toMatchObject({
      ...refused,
      details: 'answer the challenge of this stream',
    });
  });

  test('ends after a deadline', async () => {
    const { ingest } = await started({ authenticationMs: 50 });
    const device = connect(ingest);
    await device.challenge();
    await expect(device.next()).rejects.toMatchObject({ ...refused, details: /in time/ });
  });

  test('is opened by both credentials of a device while one is renewed', async () => {
    const { services, ingest } = await started();
    for (const credential of ['key of d2', 'new key of d2']) {
      const signer = services.signer('d2', { credential });
      await expect(connect(ingest).open(signer)).resolves.toBe('opened');
    }
  });
});

describe('a stream of a device', () => {
  test('takes no messages of other devices, real or made up', async () => {
    const { bed, services, device } = await connected();
    const calls = bed.callCount('shop', 'identifyDevice');
    device.send(services.signer('d2').sign('stock', count));
    await expect(device.receipt()).resolves.toBe('1 foreign_topic');
    for (let turn = 0; turn < 400; turn++)
      device.send(services.signer(`made-up-${turn}`).sign('stock', count));
    for (let turn = 0; turn < 400; turn++)
      await expect(device.receipt()).resolves.toBe('1 foreign_topic');
    expect(bed.callCount('shop', 'identifyDevice')).toBe(calls);
    expect(bed.published(DeviceDataReceived)).toEqual([]);
  });

  test('is ended by the next stream of the device, which gets its commands', async () => {
    const { bed, services, ingest, signer, device } = await connected();
    const next = connect(ingest);
    await expect(next.open(signer)).resolves.toBe('opened');
    await expect(device.next()).rejects.toMatchObject({ code: Code.ABORTED });
    await bed.call('sendCommand', command(services, 'c1'));
    await expect(next.next()).resolves.toMatchObject({ case: 'command' });
  });

  test('ends when the device is retired', async () => {
    const { services, signer, device } = await connected();
    services.devices.set('d1', { ...services.devices.get('d1')!, retired: true });
    services.clock.advance(30_000);
    device.send(signer.sign('stock', count));
    await expect(device.next()).rejects.toMatchObject({ code: Code.UNAUTHENTICATED });
  });

  test('may have messages right behind its opening', async () => {
    const { services, ingest } = await started();
    const [signer, device] = [services.signer(), connect(ingest)];
    device.answer(signer.answerChallenge(await device.challenge()));
    device.send(signer.sign('stock', count));
    await expect(device.receipt()).resolves.toBe('opened');
    await expect(device.receipt()).resolves.toBe('1 accepted');
  });
});

describe('the streams of an address', () => {
  const full = { code: Code.RESOURCE_EXHAUSTED, details: 'too_many_streams' };

  test('are at most ten while they are not opened: 300 more are refused', async () => {
    // so that none of them ends on a busy machine before the others have begun
    const { bed, services, ingest } = await started({ authenticationMs: 60_000 });
    const waiting = Array.from({ length: 10 }, () => connect(ingest));
    await Promise.all(waiting.map(async (each) => each.challenge()));
    const more = Array.from({ length: 300 }, () => connect(ingest).next());
    const ends = await Promise.allSettled(more);
    expect(new Set(ends.map(({ status }) => status))).toEqual(new Set(['rejected']));
    await expect(connect(ingest).next()).rejects.toMatchObject(full);
    const { values } = await bed.runtime.metrics.ingestRefused.get();
    expect(values).toMatchObject([{ labels: { reason: 'too_many_streams' }, value: 301 }]);
    // one that ends makes room for a device
    waiting[0]?.close();
    await until(async () => (await connect(ingest).open(services.signer())) === 'opened');
  }, 60_000);

  test('are limited when they are opened, too', async () => {
    const { services, ingest } = await started({ limits: { perAddress: 2 } });
    for (const deviceId of ['d1', 'd2']) await connect(ingest).open(services.signer(deviceId));
    await expect(connect(ingest).next()).rejects.toMatchObject(full);
  });

  test('are refused for a while after 30 that failed to authenticate', async () => {
    const { bed, services, ingest } = await started();
    for (let turn = 0; turn < 30; turn++) {
      const made = services.signer(`made-up-${turn}`, { credential: 'x' });
      await expect(connect(ingest).open(made)).rejects.toMatchObject({
        code: Code.UNAUTHENTICATED,
      });
    }
    await expect(connect(ingest).next()).rejects.toMatchObject({ details: 'too_many_failures' });
    expect(bed.callCount('shop', 'identifyDevice')).toBe(30);
    services.clock.advance(60_000);
    await expect(connect(ingest).open(services.signer())).resolves.toBe('opened');
  });

  test('count for the client that a trusted proxy names, and for no other', async () => {
    const limits = { perAddress: 1 };
    const behind = await started({ limits, trustedProxies: ['127.0.0.0/8'] });
    const at = (address: string) => connect(behind.ingest, { 'x-forwarded-for': address });
    await at('192.0.2.1').challenge();
    await at('198.51.100.7, 192.0.2.2').challenge();
    await expect(at('203.0.113.5, 192.0.2.1').next()).rejects.toMatchObject(full);
    const direct = await started({ limits });
    const claims = (address: string) => connect(direct.ingest, { 'x-forwarded-for': address });
    await claims('192.0.2.1').challenge();
    await expect(claims('192.0.2.2').next()).rejects.toMatchObject(full);
  });
});

async function until(check: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 50; turn++) {
    if (await check().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it did not happen');
}
