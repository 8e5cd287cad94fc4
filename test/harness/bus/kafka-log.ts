import { randomUUID } from 'node:crypto';
import { Admin, Consumer, type Message, stringDeserializers } from '@platformatic/kafka';
import type { BrokerLog, Entry, Group } from './broker-log';

const PATIENCE_MS = 30_000;
/** The timestamps by which Kafka means its first record, and the end. */
const MOMENTS = { first: -2n, end: -1n };

type Text = Message<string, string, string, string>;
/** Offsets by topic and partition. */
type Offsets = ReadonlyMap<string, ReadonlyMap<number, bigint>>;

/** Topics with partitions: all records, and the committed offset of each group in each partition. */
export class KafkaLog implements BrokerLog {
  readonly #options;

  /** `subscriptions`: the topics of each service. */
  constructor(
    port: number,
    private readonly subscriptions: Readonly<Record<string, readonly string[]>>,
    host = '127.0.0.1',
    account?: { readonly username: string; readonly password: string },
  ) {
    this.#options = {
      ...{ clientId: 'reader', bootstrapBrokers: [{ host, port }] },
      ...(account === undefined ? {} : { sasl: { mechanism: 'PLAIN' as const, ...account } }),
      ...{ connectTimeout: PATIENCE_MS, requestTimeout: PATIENCE_MS, retries: 3 },
    };
  }

  async keep(): Promise<void> {}

  async entries(): Promise<Entry[]> {
    const [first, end] = await this.#asking(async (admin) => {
      const topics = await topicsOf(admin);
      return [await offsetsOf(admin, topics, 'first'), await offsetsOf(admin, topics, 'end')];
    });
    const messages = await this.#read(first, end);
    return messages
      .sort((one, other) => Number(one.timestamp - other.timestamp))
      .map(({ timestamp, topic, key, value: text, headers }, number) => {
        const beside = [key, ...headers].flat().join('\n');
        return { entry: `${timestamp}-${number}`, topic, text, beside };
      });
  }

  /**
   * The records that a group has not committed. A group without a commit has all of them left, as it begins
   * with the oldest (initialOffset).
   */
  async groups(): Promise<Group[]> {
    return this.#asking(async (admin) => {
      const topics = await topicsOf(admin);
      const first = await offsetsOf(admin, topics, 'first');
      const end = await offsetsOf(admin, topics, 'end');
      const services = Object.entries(this.subscriptions);
      const done = await committedBy(
        admin,
        services.map(([name]) => name),
      );
      return services.flatMap(([name, heard]) =>
        heard.map((topic) => {
          const from = new Map([
            ...(first.get(topic) ?? []),
            ...(done.get(name)?.get(topic) ?? []),
          ]);
          // a topic exists from its first record or subscriber on
          return { topic, name, pending: 0, lag: between(from, end.get(topic) ?? new Map()) };
        }),
      );
    });
  }

  /** Every record of these topics before their end. */
  async #read(first: Offsets, end: Offsets): Promise<Text[]> {
    let left = 0;
    for (const [topic, ends] of end) left += between(first.get(topic) ?? new Map(), ends);
    const messages: Text[] = [];
    if (left === 0) return messages;
    const consumer = new Consumer({
      ...{ ...this.#options, groupId: `reader-${randomUUID()}` },
      deserializers: stringDeserializers,
    });
    try {
      const topics = [...end.keys()];
      const stream = await consumer.consume({ topics, mode: 'earliest', autocommit: false });
      for await (const message of stream) {
        if (message.offset >= (end.get(message.topic)?.get(message.partition) ?? 0n)) continue;
        messages.push(message);
        if (messages.length === left) break;
      }
    } finally {
      await consumer.close(true);
    }
    return messages;
  }

  async #asking<T>(ask: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = new Admin(this.#options);
    try {
      return await ask(admin);
    } finally {
      await admin.close();
    }
  }
}

/** The number of partitions of each topic, without Kafka's own topics. */
async function topicsOf(admin: Admin): Promise<Map<string, number>> {
  const topics = await admin.listTopics();
  if (topics.length === 0) return new Map();
  const metadata = await admin.metadata({ topics, forceUpdate: true });
  return new Map(
    [...metadata.topics].map(([name, { partitionsCount }]) => [name, partitionsCount]),
  );
}

async function offsetsOf(
  admin: Admin,
  topics: ReadonlyMap<string, number>,
  which: keyof typeof MOMENTS,
): Promise<Offsets> {
  if (topics.size === 0) return new Map();
  const listed = await admin.listOffsets({
    topics: [...topics].map(([name, count]) => ({
      name,
      partitions: Array.from({ length: count }, (_, partitionIndex) => {
        return { partitionIndex, timestamp: MOMENTS[which] };
      }),
    })),
  });
  return new Map(
    listed.map(({ name, partitions }) => [
      name,
      new Map(partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset])),
    ]),
  );
}

/** The committed offset of each group, where there is one. */
async function committedBy(admin: Admin, groups: string[]): Promise<ReadonlyMap<string, Offsets>> {
  const listed = await admin.listConsumerGroupOffsets({ groups });
  return new Map(
    listed.map(({ groupId, topics }) => [
      groupId,
      new Map(
        topics.map(({ name, partitions }) => {
          const committed = partitions.filter(({ committedOffset }) => committedOffset >= 0n);
          return [
            name,
            new Map(committed.map((each) => [each.partitionIndex, each.committedOffset])),
          ];
        }),
      ),
    ]),
  );
}

function between(from: ReadonlyMap<number, bigint>, to: ReadonlyMap<number, bigint>): number {
  let count = 0n;
  for (const [partition, end] of to) count += end - (from.get(partition) ?? 0n);
  return Number(count);
}
