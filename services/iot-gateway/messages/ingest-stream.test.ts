import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { afterEach, expect, test } from '@jest/globals';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import type { SignedMessage } from '#contracts/device-message-signer';
import { unavailable } from '#kit/core/errors';
import { type IngestServer, startIngest } from '#kit/boot/grpc-ingest';
import {
  IngestRequestSchema,
  type IngestResponse,
  IngestResponseSchema,
} from '#proto/retail/iot/v1/iot_gateway_pb';
import { FakeServices, count, deliver } from '../testing/fixtures';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** Connects a device by a stream. */
function connect({ port }: IngestServer) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const stream = client.makeBidiStreamRequest(
    '/retail.iot.v1.DeviceIngestService/Ingest',
    (message: SignedMessage) => {
      const { topic, payload } = message;
      const request = create(IngestRequestSchema, { topic, payload: Buffer.from(payload) });
      return Buffer.from(toBinary(IngestRequestSchema, request));
    },
    (bytes: Buffer) => fromBinary(IngestResponseSchema, bytes),
  );
  // the device closes before its server
  open.unshift({
    close: () => {
      stream.cancel();
      client.close();
    },
  });
  const answers = stream[Symbol.asyncIterator]() as AsyncIterator<IngestResponse>;
  const next = async () => {
    const { value } = (await answers.next()) as { value: IngestResponse };
    return value.what;
  };
  return {
    send: (message: SignedMessage) => stream.write(message),
    next,
    receipt: async () => {
      const { case: which, value } = await next();
      return which === 'receipt'
        ? `${value.seq} ${value.accepted ? 'accepted' : value.reason}`
        : which;
    },
  };
}

async function connected() {
  const services = new FakeServices();
  const bed = services.bed();
  const ingest = await startIngest(bed.runtime, '127.0.0.1', 0);
  open.push(ingest);
  return { services, bed, signer: services.signer(), device: connect(ingest) };
}

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
  device.send(signer.sign('stock', count));
  await expect(device.receipt()).rejects.toThrow('shop is unavailable');
  expect(bed.published(DeviceDataReceived)).toHaveLength(0);
});

test('a device gets its commands by its stream after its first accepted message', async () => {
  const { services, bed, signer, device } = await connected();
  device.send(signer.sign('status', { status: 'online' }));
  await device.receipt();
  await bed.call('sendCommand', {
    commandId: 'c1',
    deviceId: 'd1',
    name: 'dispense',
    arguments: { slot: 'A3' },
    expiresAt: timestampFromMs(services.clock.now() + 60_000),
  });
  const command = await device.next();
  if (command.case !== 'command') throw new Error('no command arrived');
  expect(signer.verifyCommand(Buffer.from(command.value).toString())).toMatchObject({
    commandId: 'c1',
  });
  device.send(signer.sign('ack', { commandId: 'c1', outcome: 'acknowledged' }));
  await expect(device.receipt()).resolves.toBe('1 accepted');
  const { status } = await bed.call('getCommand', { commandId: 'c1' });
  expect(status).toBe('acknowledged');
});
