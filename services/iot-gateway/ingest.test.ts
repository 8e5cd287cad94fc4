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
import { World, count, give } from './testing';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** A device that is connected by a stream. */
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
  // first the device goes, then what it was connected to
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
        ? `${value.seq} ${value.accepted ? 'taken' : value.reason}`
        : which;
    },
  };
}

async function scene() {
  const world = new World();
  const bed = world.bed();
  const ingest = await startIngest(bed.runtime, '127.0.0.1', 0);
  open.push(ingest);
  return { world, bed, signer: world.signer(), device: connect(ingest) };
}

test('a message by a stream goes the way of the broker, and is answered', async () => {
  const { world, bed, signer, device } = await scene();
  const message = signer.sign('stock', count);
  device.send(message);
  await expect(device.receipt()).resolves.toBe('1 taken');
  device.send(message);
  await expect(device.receipt()).resolves.toBe('1 taken');
  device.send({ ...signer.sign('stock', count), payload: '{"boot":"b","seq":7}\nforged' });
  await expect(device.receipt()).resolves.toBe('7 wrong_signature');
  device.send({ topic: 'nonsense', payload: '' });
  await expect(device.receipt()).resolves.toBe('0 foreign_topic');
  // by either way it is the same message
  await give(world.bed(bed.memory), message);
  expect(bed.published(DeviceDataReceived)).toHaveLength(1);
});

test('many messages at once are all answered', async () => {
  const { bed, signer, device } = await scene();
  for (let turn = 0; turn < 100; turn++) device.send(signer.sign('stock', count));
  const receipts = new Set<unknown>();
  for (let turn = 0; turn < 100; turn++) receipts.add(await device.receipt());
  expect(receipts.size).toBe(100);
  expect(bed.published(DeviceDataReceived)).toHaveLength(100);
});

test('a message that cannot be taken now is not answered: the stream ends', async () => {
  const { world, bed, signer, device } = await scene();
  world.faults.push(unavailable('shop is away'));
  device.send(signer.sign('stock', count));
  await expect(device.receipt()).rejects.toThrow('shop is away');
  expect(bed.published(DeviceDataReceived)).toHaveLength(0);
});

test('a device that has shown who it is hears its commands by the stream', async () => {
  const { world, bed, signer, device } = await scene();
  device.send(signer.sign('status', { status: 'online' }));
  await device.receipt();
  await bed.call('sendCommand', {
    ...{ commandId: 'c1', deviceId: 'd1', name: 'dispense', arguments: { slot: 'A3' } },
    expiresAt: timestampFromMs(world.clock.now() + 60_000),
  });
  const told = await device.next();
  if (told.case !== 'command') throw new Error('no command came');
  expect(signer.verifyCommand(Buffer.from(told.value).toString())).toMatchObject({
    commandId: 'c1',
  });
  device.send(signer.sign('ack', { commandId: 'c1', outcome: 'acknowledged' }));
  await expect(device.receipt()).resolves.toBe('1 taken');
  const { status } = await bed.call('getCommand', { commandId: 'c1' });
  expect(status).toBe('acknowledged');
});
