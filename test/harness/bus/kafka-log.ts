import { type Read, KafkaReader } from './kafka-reader';
import type { BrokerLog, Entry, Group } from './broker-log';

const PATIENCE_MS = 30_000;

/** Topics in partitions, with all that was said, and how far each group has come in each of them. */
export class KafkaLog implements BrokerLog {
  /** `hears`: which topics each service hears. */
  constructor(
    private readonly port: number,
    private readonly hears: Readonly<Record<string, readonly string[]>>,
  ) {}

  async keep(): Promise<void> {}

  async entries(): Promise<Entry[]> {
    const records = await this.#connected(async (kafka) => {
      const all: Read[] = [];
      for (const [topic, partitions] of await kafka.topics()) {
        const first = await kafka.offsets(topic, partitions, 'first');
        const end = await kafka.offsets(topic, partitions, 'end');
        for (const partition of partitions) {
          const [from = 0, to = 0] = [first.get(partition), end.get(partition)];
          if (from < to) all.push(...(await kafka.read(topic, partition, from, to)));
        }
      }
      return all;
    });
    return records
      .sort((one, other) => one.at - other.at)
      .map(({ at, topic, text, beside }, number) => {
        return { entry: `${at}-${number}`, topic, text, beside };
      });
  }

  /**
   * What a group has not committed. Where it has never committed anything that is all: it begins with
   * the oldest (initialOffset).
   */
  async groups(): Promise<Group[]> {
    return this.#connected(async (kafka) => {
      const groups: Group[] = [];
      const topics = await kafka.topics();
      for (const [name, heard] of Object.entries(this.hears)) {
        const committed = await kafka.committed(name);
        for (const topic of heard) {
          // what nobody has said and nobody was there to hear is no topic yet
          const partitions = topics.get(topic) ?? [];
          const first = await kafka.offsets(topic, partitions, 'first');
          const end = await kafka.offsets(topic, partitions, 'end');
          const done = committed.get(topic);
          const lag = partitions.reduce((sum, partition) => {
            const from = done?.get(partition) ?? first.get(partition) ?? 0;
            return sum + (end.get(partition) ?? 0) - from;
          }, 0);
          groups.push({ topic, name, pending: 0, lag });
        }
      }
      return groups;
    });
  }

  async #connected<T>(work: (kafka: KafkaReader) => Promise<T>): Promise<T> {
    const kafka = await KafkaReader.open(this.port, PATIENCE_MS);
    try {
      return await work(kafka);
    } finally {
      kafka.close();
    }
  }
}
