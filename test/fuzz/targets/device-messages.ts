import { isDeepStrictEqual } from 'node:util';
import fc, { type Arbitrary } from 'fast-check';
import type { z } from 'zod';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import {
  KINDS,
  type Kind,
  MESSAGE_VERSIONS,
  readMessage,
  readTopic,
  signedMessage,
  topicText,
} from '#contracts/device-messages';
import { FakeServices, deliver, outcomesOf } from '../../../services/iot-gateway/testing/fixtures';
import { anyJson, anyName, anyNumber, anyText, pathsIn, replacedAt } from '../json-values';
import { type Target, target } from '../target';

// Messages of devices, as the broker delivers them: topics, signatures and JSON. Its oracle are the schemas
// of the message versions.

const AT = '2026-01-01T00:00:00.000Z';
const DATA: Readonly<Record<Kind, Arbitrary<unknown>>> = {
  status: fc.record(
    {
      status: fc.constantFrom('online', 'offline'),
      firmwareVersion: anyText,
      faults: fc.array(fc.record({ code: fc.constantFrom('jammed', 'No Code'), slot: anyText }), {
        maxLength: 2,
      }),
      will: fc.boolean(),
    },
    { requiredKeys: ['status'] },
  ),
  telemetry: fc
    .array(fc.tuple(anyName, anyNumber), { maxLength: 3 })
    .map((all) => Object.fromEntries(all)),
  stock: fc.oneof(
    fc.record({ mode: fc.constant('count'), productId: anyText, pieces: anyNumber }),
    fc.record({ mode: fc.constant('delta'), productId: fc.constant('tea'), change: anyNumber }),
  ),
  sale: fc.record({
    saleId: anyText,
    productId: fc.constant('tea'),
    quantity: anyNumber,
    paidMinor: anyNumber,
  }),
  ack: fc.record({
    commandId: anyText,
    outcome: fc.constantFrom('acknowledged', 'failed'),
    reason: anyText,
  }),
};

interface Input {
  readonly kind: Kind;
  readonly topic: string | undefined;
  readonly message: unknown;
  readonly change: { readonly at: number; readonly by: unknown } | undefined;
  readonly damage: number | undefined;
}

const input: Arbitrary<Input> = fc.constantFrom(...KINDS).chain((kind) =>
  fc.record({
    kind: fc.constant(kind),
    topic: fc.option(anyText, { nil: undefined, freq: 8 }),
    message: fc.record({
      v: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, anyNumber),
      boot: fc.oneof({ weight: 4, arbitrary: fc.constant('boot-1') }, anyText),
      seq: fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 3 }) }, anyNumber),
      at: fc.oneof({ weight: 4, arbitrary: fc.constant(AT) }, anyText),
      data: DATA[kind],
    }),
    change: fc.option(fc.record({ at: fc.nat(), by: anyJson }), { nil: undefined, freq: 2 }),
    damage: fc.option(fc.nat(), { nil: undefined, freq: 8 }),
  }),
);

function check(services: FakeServices) {
  return async ({ kind, topic, message, change, damage }: Input): Promise<void> => {
    const paths = pathsIn(message);
    const sent =
      change === undefined
        ? message
        : replacedAt(message, paths[change.at % paths.length] ?? [], change.by);
    const line = JSON.stringify(sent);
    checkReader(kind, line);
    const named = topic ?? topicText({ tenantId: 'default', deviceId: 'd1', kind });
    const signed = signedMessage('key of d1', named, sent);
    const payload = damage === undefined ? signed : damaged(signed, damage);

    const bed = services.bed();
    await deliver(bed, { topic: named, payload });
    const [outcome = 'none', ...others] = await outcomesOf(bed);
    if (others.length > 0) throw new Error(`several outcomes: ${outcome}, ${others.join()}`);
    // a message that is not taken publishes nothing, and what is stored has a key without separators
    const events = bed.published(DeviceDataReceived);
    if (outcome !== 'taken 1' && events.length > 0) throw new Error(`${outcome}, but published`);
    for (const key of bed.memory.documents.keys()) {
      if (!/^[\w:.-]{1,200}$/.test(key)) throw new Error(`stored under ${JSON.stringify(key)}`);
    }
    const parsed = readTopic(named);
    if (parsed !== undefined && topicText(parsed) !== named) throw new Error('another topic');
  };
}

/** Whether a schema accepts a value. zod throws for an object with a `length` that cannot be compared. */
function accepts(schema: z.ZodType, value: unknown): boolean {
  try {
    return schema.safeParse(value).success;
  } catch {
    return false;
  }
}

/** The reader accepts what the schema of a version accepts, and reads it again in the same way. */
function checkReader(kind: Kind, line: string): void {
  const read = readMessage(kind, line);
  const json = JSON.parse(line) as unknown;
  const accepting = MESSAGE_VERSIONS[kind]?.find((schema) => accepts(schema, json));
  if (accepting === undefined && read !== undefined) throw new Error('accepted against the schema');
  if (read === undefined) {
    // the position of a last will is 0, and no other's is
    const { seq, data } = (json ?? {}) as { seq?: unknown; data?: { will?: unknown } | null };
    const isWill = kind === 'status' && data?.will === true;
    const mayRefuse = isWill !== (seq === 0);
    if (accepting !== undefined && !mayRefuse) throw new Error('refused against the schema');
    return;
  }
  const { boot, seq, at, data } = read;
  const again = readMessage(kind, JSON.stringify({ v: 1, boot, seq, at, data }));
  if (!isDeepStrictEqual(again, read)) throw new Error('what was read is not read again');
}

function damaged(text: string, at: number): string {
  const index = at % (text.length + 1);
  return text.slice(0, index) + text.slice(index + 1);
}

export const deviceMessages = async (): Promise<Target> => {
  const services = new FakeServices();
  return target({
    name: 'device-messages',
    about: 'topics and payloads of devices, as the broker delivers them',
    input,
    check: check(services),
    cost: 10,
  });
};
