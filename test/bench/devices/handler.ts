import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { type DescMethodUnary, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AppCallback } from '@dapr/dapr/proto/dapr/proto/runtime/v1/appcallback_pb';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { BareSidecar } from '../bare/sidecar';

// A bare handler of the binding: it parses a message's JSON and publishes one event of it, like ours but
// without what makes ours safe. Without BARE_EVENT it only acknowledges.

const { PORT, APP_PORT = '', DAPR_HTTP_PORT = '', DAPR_GRPC_PORT = '', BARE_EVENT } = process.env;
const sidecar = new BareSidecar(DAPR_HTTP_PORT, DAPR_GRPC_PORT);

/** An event as ours publishes it, in which the handler replaces the parts of a message. */
interface Event {
  readonly type: string;
  readonly data: { readonly shopId: string };
}
// set by the part, which has parsed it
const event = BARE_EVENT === undefined ? undefined : (JSON.parse(BARE_EVENT) as Event);

async function publishFor(topic: string, payload: Uint8Array): Promise<void> {
  if (event === undefined) return;
  const [, , deviceId = '', dataType] = topic.split('/');
  const text = Buffer.from(payload).toString();
  const line = text.slice(0, text.lastIndexOf('\n'));
  // signed by the part itself
  const { boot, seq, at, data } = JSON.parse(line) as Record<string, unknown>;
  const { shopId } = event.data;
  const publishedEvents = {
    ...event,
    ...{
      id: randomBytes(16).toString('base64url'),
      subject: deviceId,
      time: new Date().toISOString(),
    },
    data: { deviceId, shopId, position: { boot, seq, at }, dataType, data },
  };
  await sidecar.publish(event.type, deviceId, JSON.stringify(publishedEvents));
}

const server = new Server({ 'grpc.enable_channelz': 0 });

/** Answers a method of Dapr's callback in bytes, once the work is done. */
function answers(
  method: DescMethodUnary,
  answer: Uint8Array,
  work: (request: Buffer) => Promise<void>,
): void {
  const bytes = Buffer.from(answer);
  const same = (given: Buffer): Buffer => given;
  const definition = {
    ...{ path: `/${method.parent.typeName}/${method.name}` },
    ...{ requestStream: false, responseStream: false },
    ...{ requestSerialize: same, requestDeserialize: same },
    ...{ responseSerialize: same, responseDeserialize: same },
  };
  const handle = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
    work(call.request).then(
      () => {
        done(null, bytes);
      },
      (error: unknown) => {
        console.error(error);
        done({ code: status.INTERNAL, message: String(error) });
      },
    );
  };
  server.addService({ [method.name]: definition }, { [method.name]: handle });
}

const { listInputBindings, onBindingEvent } = AppCallback.method;
const bindings = create(listInputBindings.output, { bindings: ['devices'] });
answers(listInputBindings, toBinary(listInputBindings.output, bindings), () => Promise.resolve());
const done = toBinary(onBindingEvent.output, create(onBindingEvent.output));
answers(onBindingEvent, done, (request) => {
  const { metadata, data } = fromBinary(onBindingEvent.input, request);
  return publishFor(metadata['topic'] ?? '', data);
});
server.bindAsync(`127.0.0.1:${APP_PORT}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
// /health/ready, for the start of the system
createServer((_, response) => {
  void sidecar.isReady().then((ready) => response.writeHead(ready ? 200 : 503).end());
}).listen(Number(PORT), '127.0.0.1');
