import type { MessageInitShape } from '@bufbuild/protobuf';
import type { IngestConnection } from '#kit/service/handlers';
import type { IngestRequest, IngestResponseSchema } from '#proto/retail/iot/v1/iot_gateway_pb';
import { readTopic } from '#contracts/device-messages';
import { identityOf, take } from './receive';
import type { Context } from './definition';
import { keyOf } from './watch';

type Response = MessageInitShape<typeof IngestResponseSchema>;

/** By link, so that each has one way of sending. */
const senders = new WeakMap<IngestConnection<Response>, (payload: Uint8Array) => void>();

/** The same way in as the broker's. A device that has shown who it is hears its commands here. */
export async function ingest(
  { topic, payload }: IngestRequest,
  context: Context,
  link: IngestConnection<Response>,
): Promise<Response> {
  const verdict = await take(topic, payload, context);
  const accepted = verdict === 'taken' || verdict === 'duplicate';
  const device = readTopic(topic);
  if (accepted && device !== undefined) {
    context.links.open(keyOf(device), senderOf(link), link.closed);
  }
  const receipt = { ...positionIn(payload), accepted, reason: accepted ? '' : verdict };
  return { what: { case: 'receipt', value: receipt } };
}

export function identify({ topic, payload }: IngestRequest): string {
  return identityOf(topic, payload);
}

function senderOf(link: IngestConnection<Response>) {
  const known = senders.get(link);
  if (known !== undefined) return known;
  const send = (command: Uint8Array) => {
    link.write({ what: { case: 'command', value: command } });
  };
  senders.set(link, send);
  return send;
}

/** Which message is answered, as it tells itself; believed or not, it is for the sender alone. */
function positionIn(payload: Uint8Array): { boot: string; seq: number } {
  const nobody = { boot: '', seq: 0 };
  try {
    const [line = ''] = Buffer.from(payload).toString().split('\n');
    const read: unknown = JSON.parse(line);
    if (typeof read !== 'object' || read === null) return nobody;
    const { boot, seq } = read as Record<string, unknown>; // any object of JSON
    const isPlace =
      typeof boot === 'string' && Number.isInteger(seq) && Math.abs(Number(seq)) < 2 ** 31;
    return isPlace ? { boot: boot.slice(0, 64), seq: Number(seq) } : nobody;
  } catch {
    return nobody;
  }
}
