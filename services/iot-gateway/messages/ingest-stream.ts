import type { MessageInitShape } from '@bufbuild/protobuf';
import type { IngestConnection } from '#kit/service/handlers';
import type { IngestRequest, IngestResponseSchema } from '#proto/retail/iot/v1/iot_gateway_pb';
import { readTopic } from '#contracts/device-messages';
import type { Context } from '../definition';
import { deviceKey } from '../device-key';
import { handleMessage, messageId } from './handle-message';

type Response = MessageInitShape<typeof IngestResponseSchema>;
type WriteCommand = (payload: Uint8Array) => void;

/** One writer for each stream, as DeviceStreams recognises a stream by its writer. */
const writers = new WeakMap<IngestConnection<Response>, WriteCommand>();

/**
 * Handles a message of a device's stream in the same way as one of the broker, and answers with a
 * receipt. After its first accepted message the device gets its commands by this stream.
 */
export async function handleStreamMessage(
  { topic, payload }: IngestRequest,
  context: Context,
  stream: IngestConnection<Response>,
): Promise<Response> {
  const outcome = await handleMessage(topic, payload, context);
  const accepted = outcome === 'taken' || outcome === 'duplicate';
  const device = readTopic(topic);
  if (accepted && device !== undefined) {
    context.deviceStreams.open(deviceKey(device), writerOf(stream), stream.closed);
  }
  const receipt = { ...claimedPosition(payload), accepted, reason: accepted ? '' : outcome };
  return { what: { case: 'receipt', value: receipt } };
}

export function identifyStreamMessage({ topic, payload }: IngestRequest): string {
  return messageId(topic, payload);
}

function writerOf(stream: IngestConnection<Response>): WriteCommand {
  const known = writers.get(stream);
  if (known !== undefined) return known;
  const write = (command: Uint8Array) => {
    stream.write({ what: { case: 'command', value: command } });
  };
  writers.set(stream, write);
  return write;
}

/** The position that a message claims, so that its sender can match the receipt. It is not verified. */
function claimedPosition(payload: Uint8Array): { boot: string; seq: number } {
  const unknown = { boot: '', seq: 0 };
  try {
    const [line = ''] = Buffer.from(payload).toString().split('\n');
    const json: unknown = JSON.parse(line);
    if (typeof json !== 'object' || json === null) return unknown;
    const { boot, seq } = json as Record<string, unknown>; // any object of JSON
    const isPosition =
      typeof boot === 'string' && Number.isInteger(seq) && Math.abs(Number(seq)) < 2 ** 31;
    return isPosition ? { boot: boot.slice(0, 64), seq: Number(seq) } : unknown;
  } catch {
    return unknown;
  }
}
