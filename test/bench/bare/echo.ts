import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type DescMethodUnary, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AppCallback,
  type TopicEventRequest,
  TopicEventResponse_TopicEventResponseStatus as Status,
} from '@dapr/dapr/proto/dapr/proto/runtime/v1/appcallback_pb';
import {
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type UntypedServiceImplementation,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { type Script, readId } from './recording';
import { Replay } from './replay';
import { BareSidecar } from './sidecar';

/** A service that does what another one was recorded to do for an order, and nothing else. */
function serve(env: NodeJS.ProcessEnv): void {
  const { APP_ID = '', PORT, APP_PORT = '', DAPR_HTTP_PORT = '', DAPR_GRPC_PORT = '' } = env;
  // the variant wrote it just before
  const script = JSON.parse(readFileSync(env['BARE_SCRIPT'] ?? '', 'utf8')) as Script;
  const sidecar = new BareSidecar(DAPR_HTTP_PORT, DAPR_GRPC_PORT);
  const replay = new Replay(script, Number(env['BARE_SLOTS']), sidecar);

  const server = new Server({ 'grpc.enable_channelz': 0 });
  addCalls(server, APP_ID, replay);
  addEvents(server, APP_ID, replay);
  server.bindAsync(`127.0.0.1:${APP_PORT}`, ServerCredentials.createInsecure(), (error) => {
    if (error !== null) throw error;
  });
  // /health/ready, for the start of the system
  createServer((_, response) => {
    void sidecar.isReady().then((ready) => response.writeHead(ready ? 200 : 503).end());
  }).listen(Number(PORT), '127.0.0.1');
}

function addCalls(server: Server, app: string, replay: Replay): void {
  const calls = replay.script.recordings.flatMap((one) => one.calls);
  const paths = new Set(calls.filter((call) => call.app === app).map(({ path }) => path));
  if (paths.size === 0) return;
  const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const path of paths) {
    definition[path] = bytesAt(path);
    implementation[path] = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      answer(call.metadata, replay).then(
        ({ bytes, trailers }) => {
          done(null, bytes, trailers);
        },
        (error: unknown) => {
          done(failed(error));
        },
      );
    };
  }
  server.addService(definition, implementation);
}

async function answer(metadata: Metadata, replay: Replay) {
  const { which, order } = readId(String(metadata.get('x-cause-id')[0]));
  const call = replay.recording(order).calls[which];
  if (call === undefined) throw new Error('a call is not in the recording');
  await replay.run(call.steps, order);
  const trailers = new Metadata();
  for (const [name, value] of Object.entries(call.trailers)) trailers.set(name, value);
  return { bytes: Buffer.from(call.response, 'base64'), trailers };
}

function addEvents(server: Server, app: string, replay: Replay): void {
  const { listTopicSubscriptions, onTopicEvent } = AppCallback.method;
  const topics = replay.script.subscriptions[app] ?? [];
  const subscriptions = topics.map((topic) => ({ pubsubName: 'bus', topic }));
  const list = Buffer.from(
    toBinary(
      listTopicSubscriptions.output,
      create(listTopicSubscriptions.output, { subscriptions }),
    ),
  );
  const handled = create(onTopicEvent.output, { status: Status.SUCCESS });
  const success = Buffer.from(toBinary(onTopicEvent.output, handled));

  server.addService(
    {
      list: bytesAt(pathOf(listTopicSubscriptions)),
      event: {
        ...bytesAt(pathOf(onTopicEvent)),
        requestDeserialize: (bytes: Buffer) => fromBinary(onTopicEvent.input, bytes),
      },
    },
    {
      list: (_: unknown, done: sendUnaryData<Buffer>) => {
        done(null, list);
      },
      event: (call: ServerUnaryCall<TopicEventRequest, Buffer>, done: sendUnaryData<Buffer>) => {
        hear(call.request.id, app, replay).then(
          () => {
            done(null, success);
          },
          (error: unknown) => {
            done(failed(error));
          },
        );
      },
    },
  );
}

async function hear(id: string, app: string, replay: Replay): Promise<void> {
  const { which, order } = readId(id);
  const event = replay.recording(order).events[which];
  const steps = event?.heard[app];
  if (steps === undefined) throw new Error(`event ${which} was not heard by ${app}`);
  await replay.run(steps, order);
  if (event?.awaited === true) replay.handled(which, order);
}

function bytesAt(path: string): MethodDefinition<Buffer, Buffer> {
  const streams = { requestStream: false, responseStream: false };
  const requests = { requestSerialize: same, requestDeserialize: same };
  return { path, ...streams, ...requests, responseSerialize: same, responseDeserialize: same };
}

const same = (bytes: Buffer): Buffer => bytes;

const pathOf = ({ parent, name }: DescMethodUnary) => `/${parent.typeName}/${name}`;

/** For the log: the variant's counts will be wrong, and this is the reason. */
function failed(error: unknown): Partial<Error> & { code: number } {
  console.error(error);
  return { code: 13, message: String(error) };
}

serve(process.env);
