import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type DescMethodUnary, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AppCallback } from '@dapr/dapr/proto/dapr/proto/runtime/v1/appcallback_pb';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { BareSidecar } from '../bare/sidecar';
import type { Said, Script } from './script';

// A service that does what ours was seen to do for a message of a device, and nothing else: it
// acknowledges, and reads, writes and says as much, of the same size.

const { APP_ID, PORT, APP_PORT = '', DAPR_HTTP_PORT = '', DAPR_GRPC_PORT = '' } = process.env;
// written by the part, a moment ago
const script = JSON.parse(readFileSync(process.env['BARE_SCRIPT'] ?? '', 'utf8')) as Script;
const sidecar = new BareSidecar(DAPR_HTTP_PORT, DAPR_GRPC_PORT);
const isFirst = APP_ID === 'iot-gateway';

let number = 0;

function say({ topic, event }: Said, subject: string): Promise<void> {
  return sidecar.publish(
    topic,
    subject,
    event.replaceAll('{number}', `${process.pid}-${number++}`),
  );
}

/** Hears a device: what it tells is said to whoever hears it. */
async function receive(topic: string): Promise<void> {
  const [, , device = '', kind = ''] = topic.split('/');
  const said = script.received[kind];
  if (said !== undefined) await say(said, device);
}

/** Documents that are read and written one after the other, as ours are. */
const queues = new Map<string, Promise<void>>();

async function hear(data: string): Promise<void> {
  if (!data.includes('"dataType":"stock"')) return;
  const { deviceId } = JSON.parse(data) as { deviceId: string };
  const before = queues.get(deviceId) ?? Promise.resolve();
  const mine = before.then(() => change(deviceId));
  queues.set(deviceId, mine);
  await mine;
}

/** Both are looked at, the stock is changed, that is said, and the device is changed. */
async function change(deviceId: string): Promise<void> {
  const { device, stock } = script.documents;
  const deviceTag = await sidecar.load(`devices:${deviceId}`);
  const stockTag = await sidecar.load(`stocks:${deviceId}`);
  await sidecar.save(`stocks:${deviceId}`, stock, stockTag);
  await say(script.stockUpdated, deviceId);
  await sidecar.save(`devices:${deviceId}`, device, deviceTag);
}

const { listTopicSubscriptions, onTopicEvent, listInputBindings, onBindingEvent } =
  AppCallback.method;
const subscriptions = isFirst ? [] : [{ pubsubName: 'bus', topic: 'device.data.received' }];

const server = new Server({ 'grpc.enable_channelz': 0 });
const pathOf = ({ parent, name }: DescMethodUnary) => `/${parent.typeName}/${name}`;
const same = (bytes: Buffer): Buffer => bytes;

/** Shown in the log: nothing is measured then, and this says why. */
function failed(error: unknown): Partial<Error> & { code: number } {
  console.error(error);
  return { code: 13, message: String(error) };
}

/** Answers a method of Dapr's callback: bytes in, bytes out, with the work in between. */
function answers(
  method: DescMethodUnary,
  answer: Uint8Array,
  work: (request: Buffer) => Promise<void> = () => Promise.resolve(),
) {
  const definition = {
    ...{ path: pathOf(method), requestStream: false, responseStream: false },
    ...{ requestSerialize: same, requestDeserialize: same },
    ...{ responseSerialize: same, responseDeserialize: same },
  };
  const bytes = Buffer.from(answer);
  server.addService(
    { [method.localName]: definition },
    {
      [method.localName]: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        work(call.request).then(
          () => {
            done(null, bytes);
          },
          (error: unknown) => {
            done(failed(error));
          },
        );
      },
    },
  );
}

answers(
  listTopicSubscriptions,
  toBinary(listTopicSubscriptions.output, create(listTopicSubscriptions.output, { subscriptions })),
);
answers(
  listInputBindings,
  toBinary(
    listInputBindings.output,
    create(listInputBindings.output, { bindings: isFirst ? ['devices'] : [] }),
  ),
);
// what is set to nothing is a success
const handled = create(onTopicEvent.output);
answers(onTopicEvent, toBinary(onTopicEvent.output, handled), (request) =>
  hear(Buffer.from(fromBinary(onTopicEvent.input, request).data).toString()),
);
answers(onBindingEvent, toBinary(onBindingEvent.output, create(onBindingEvent.output)), (request) =>
  receive(fromBinary(onBindingEvent.input, request).metadata['topic'] ?? ''),
);
server.bindAsync(`127.0.0.1:${APP_PORT}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
createServer((_, response) => {
  void sidecar.isReady().then((ready) => response.writeHead(ready ? 200 : 503).end());
}).listen(Number(PORT), '127.0.0.1');
