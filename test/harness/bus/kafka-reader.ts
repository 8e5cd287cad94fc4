import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { Bytes, Reply } from './kafka-bytes';

// As much of Kafka's protocol as it takes to read topics and how far groups are, in the oldest
// versions that Kafka 4 speaks: [number, version].
const FETCH = [1, 4] as const;
const LIST_OFFSETS = [2, 1] as const;
const METADATA = [3, 1] as const;
const OFFSET_FETCH = [9, 2] as const;

const FIRST = -2;
const END = -1;
const PIECE = 4 << 20;
const COMPRESSION = 0b111;
/** Not an offset: nothing was committed there. */
const NOTHING = -1;

/** A record of a partition. */
export interface Read {
  readonly topic: string;
  /** When it was said: milliseconds since the epoch, by the clock of whoever said it. */
  readonly at: number;
  readonly offset: number;
  readonly text: string;
  /** Its key and its headers. */
  readonly beside: string;
}

/** Numbers of partitions by topic, and something by partition. */
type Partitions = Map<string, number[]>;
type ByPartition = Map<number, number>;

/** A connection to a Kafka that has all partitions and all groups: the only one of its cluster. */
export class KafkaReader {
  readonly #replies: AsyncGenerator<Reply, undefined>;
  #asked = 0;

  private constructor(private readonly socket: Socket) {
    this.#replies = repliesOf(socket);
  }

  /** Fails where nobody answers within so many milliseconds, now or later. */
  static async open(port: number, patienceMs: number): Promise<KafkaReader> {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setTimeout(patienceMs, () => socket.destroy(new Error('Kafka does not answer')));
    // what went wrong is told to whoever reads
    socket.on('error', () => {});
    await once(socket, 'connect');
    return new KafkaReader(socket);
  }

  /** All topics but Kafka's own. */
  async topics(): Promise<Partitions> {
    const reply = await this.#ask(METADATA, new Bytes().i32(-1));
    reply.list(() => ({
      id: reply.i32(),
      host: reply.string(),
      port: reply.i32(),
      rack: reply.string(),
    }));
    reply.i32();
    const topics: Partitions = new Map();
    reply.list(() => {
      const error = reply.i16();
      const name = reply.string();
      const isInternal = reply.i8() !== 0;
      const partitions = reply.list(() => {
        failOn(reply.i16(), `a partition of ${name}`);
        const partition = reply.i32();
        reply.i32();
        for (let lists = 0; lists < 2; lists++) reply.list(() => reply.i32());
        return partition;
      });
      failOn(error, name);
      if (!isInternal) topics.set(name, partitions);
    });
    return topics;
  }

  /** The first offset of each partition, or that of what comes next. */
  async offsets(topic: string, partitions: number[], which: 'first' | 'end'): Promise<ByPartition> {
    const moment = which === 'first' ? FIRST : END;
    const body = new Bytes().i32(-1);
    body.list([topic], (name) => {
      body.string(name).list(partitions, (partition) => body.i32(partition).i64(moment));
    });
    const reply = await this.#ask(LIST_OFFSETS, body);
    const offsets: ByPartition = new Map();
    reply.list(() => {
      reply.string();
      reply.list(() => {
        const partition = reply.i32();
        failOn(reply.i16(), `offsets of ${topic}`);
        reply.i64();
        offsets.set(partition, reply.i64());
      });
    });
    return offsets;
  }

  /** What a group has committed, where it has. */
  async committed(group: string): Promise<Map<string, ByPartition>> {
    const reply = await this.#ask(OFFSET_FETCH, new Bytes().string(group).i32(-1));
    const committed = new Map<string, ByPartition>();
    reply.list(() => {
      const offsets: ByPartition = new Map();
      committed.set(reply.string(), offsets);
      reply.list(() => {
        const partition = reply.i32();
        const offset = reply.i64();
        reply.string();
        failOn(reply.i16(), `offsets of ${group}`);
        if (offset !== NOTHING) offsets.set(partition, offset);
      });
    });
    failOn(reply.i16(), `offsets of ${group}`);
    return committed;
  }

  /** The records of a partition from one offset up to, but not, another. */
  async read(topic: string, partition: number, from: number, to: number): Promise<Read[]> {
    const records: Read[] = [];
    for (let next = from; next < to;) {
      const page = await this.#fetch(topic, partition, next);
      const last = page.at(-1);
      if (last === undefined) throw new Error(`${topic} ${partition} has nothing from ${next} on`);
      // a batch is given whole, also where its beginning was read
      records.push(...page.filter(({ offset }) => offset >= next && offset < to));
      next = last.offset + 1;
    }
    return records;
  }

  close(): void {
    this.socket.destroy();
  }

  async #fetch(topic: string, partition: number, from: number): Promise<Read[]> {
    const body = new Bytes().i32(-1).i32(100).i32(1).i32(PIECE).i8(0);
    body.list([topic], (name) => {
      body.string(name).list([partition], (it) => body.i32(it).i64(from).i32(PIECE));
    });
    const reply = await this.#ask(FETCH, body);
    reply.i32();
    const batches = reply.list(() => {
      reply.string();
      return reply.list(() => {
        reply.i32();
        failOn(reply.i16(), `${topic} ${partition}`);
        reply.i64();
        reply.i64();
        reply.list(() => [reply.i64(), reply.i64()]);
        return reply.bytes();
      });
    });
    return batches.flat().flatMap((bytes) => recordsIn(bytes, topic));
  }

  async #ask([number, version]: readonly [number, number], body: Bytes): Promise<Reply> {
    const id = ++this.#asked;
    const request = new Bytes().i16(number).i16(version).i32(id).string('reader').and(body);
    this.socket.write(new Bytes().i32(request.buffer.length).and(request).buffer);
    const { value } = await this.#replies.next();
    if (value?.i32() !== id) throw new Error('Kafka says nothing more');
    return value;
  }
}

function failOn(error: number, about: string): void {
  if (error !== 0) throw new Error(`Kafka answers ${about} with error ${error}`);
}

/** Batches, of which the last may be cut off: then it comes whole the next time. */
function recordsIn(bytes: Buffer, topic: string): Read[] {
  const records: Read[] = [];
  for (let rest = new Reply(bytes); rest.left >= 12;) {
    const base = rest.i64();
    const length = rest.i32();
    if (rest.left < length) break;
    const batch = rest.part(length);
    // its leader's epoch, the form of its records, a checksum
    batch.skip(9);
    const attributes = batch.i16();
    if ((attributes & COMPRESSION) !== 0) throw new Error(`${topic} is compressed`);
    batch.i32();
    const since = batch.i64();
    // the latest time, the producer with its epoch, and its first number
    batch.skip(22);
    const count = batch.i32();
    for (let n = 0; n < count; n++) {
      const record = batch.part(batch.varint());
      record.i8();
      const at = since + record.varint();
      const offset = base + record.varint();
      const key = record.sized();
      const text = record.sized();
      const beside = `${key}\n${record.rest()}`;
      records.push({ topic, at, offset, text, beside });
    }
  }
  return records;
}

async function* repliesOf(socket: Socket): AsyncGenerator<Reply, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of socket) {
    // a socket gives bytes unless an encoding was set
    rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0);
      yield new Reply(rest.subarray(4, end));
      rest = rest.subarray(end);
    }
  }
  return undefined;
}
