import { once } from 'node:events';
import { type Socket, connect } from 'node:net';

// As much of AMQP 0-9-1 as it takes to read a queue. Methods are told by class and number.
const START = [10, 10];
const START_OK = [10, 11];
const TUNE = [10, 30];
const TUNE_OK = [10, 31];
const OPEN = [10, 40];
const CHANNEL_OPEN = [20, 10];
const DECLARE = [50, 10];
const BIND = [50, 20];
const CONSUME = [60, 20];
const DELIVER = [60, 60];

const [METHOD_FRAME, HEADER_FRAME, BODY_FRAME] = [1, 2, 3];
const FRAME_END = 0xce;
const DURABLE = 0b10;

export interface Message {
  readonly exchange: string;
  readonly body: string;
}

interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

/** A connection, with one channel, to a RabbitMQ on this machine, as its guest. */
export class Amqp {
  readonly #frames: AsyncGenerator<Frame, undefined>;

  private constructor(private readonly socket: Socket) {
    this.#frames = framesOf(socket);
  }

  /** Fails where nobody answers within so many milliseconds, now or later. */
  static async open(port: number, patienceMs: number): Promise<Amqp> {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setTimeout(patienceMs, () => socket.destroy(new Error('RabbitMQ does not answer')));
    // what went wrong is told to whoever reads
    socket.on('error', () => {});
    await once(socket, 'connect');
    const amqp = new Amqp(socket);
    socket.write('AMQP\x00\x00\x09\x01', 'latin1');
    await amqp.#next(START);
    amqp.#send(0, START_OK, TABLE, short('PLAIN'), long('\0guest\0guest'), short('en_US'));
    const tune = await amqp.#next(TUNE);
    // the broker's own limits, and no heartbeats
    amqp.#send(0, TUNE_OK, tune.subarray(4, 10), Buffer.alloc(2));
    await amqp.#ask(0, OPEN, short('/'), short(''), Buffer.alloc(1));
    await amqp.#ask(1, CHANNEL_OPEN, short(''));
    return amqp;
  }

  /** Makes a durable queue, kept on disk, where it is not there; gives how many messages it has. */
  async queue(name: string): Promise<number> {
    const bits = Buffer.from([DURABLE]);
    const ok = await this.#ask(1, DECLARE, Buffer.alloc(2), short(name), bits, ON_DISK);
    return ok.readUInt32BE(5 + ok.readUInt8(4));
  }

  /** Has a queue get what comes to an exchange. */
  async bind(queue: string, exchange: string): Promise<void> {
    const names = [short(queue), short(exchange), short('')];
    await this.#ask(1, BIND, Buffer.alloc(2), ...names, Buffer.alloc(1), TABLE);
  }

  /** So many messages of a queue, which has them again when this connection is closed. */
  async read(queue: string, count: number): Promise<Message[]> {
    const names = [short(queue), short('')];
    await this.#ask(1, CONSUME, Buffer.alloc(2), ...names, Buffer.alloc(1), TABLE);
    const messages: Message[] = [];
    while (messages.length < count) messages.push(await this.#message());
    return messages;
  }

  close(): void {
    this.socket.destroy();
  }

  async #message(): Promise<Message> {
    const delivery = await this.#next(DELIVER);
    // after the consumer's name, the number of the delivery, and whether it is the first
    const at = 5 + delivery.readUInt8(4) + 9;
    const exchange = delivery.toString('utf8', at + 1, at + 1 + delivery.readUInt8(at));
    const header = await this.#frame(HEADER_FRAME);
    const size = Number(header.readBigUInt64BE(4));
    const pieces: Buffer[] = [];
    for (let got = 0; got < size; got += pieces.at(-1)?.length ?? 0) {
      pieces.push(await this.#frame(BODY_FRAME));
    }
    return { exchange, body: Buffer.concat(pieces).toString() };
  }

  /** Sends a method, and gives the answer to it, which has the next number. */
  async #ask(channel: number, method: number[], ...args: Buffer[]): Promise<Buffer> {
    const [kind = 0, number = 0] = method;
    this.#send(channel, method, ...args);
    return this.#next([kind, number + 1]);
  }

  #send(channel: number, [kind = 0, number = 0]: number[], ...args: Buffer[]): void {
    const payload = Buffer.concat([u16(kind), u16(number), ...args]);
    const head = Buffer.concat([Buffer.from([METHOD_FRAME]), u16(channel), u32(payload.length)]);
    this.socket.write(Buffer.concat([head, payload, Buffer.from([FRAME_END])]));
  }

  /** The next method, which has to be this one: with its class and number. */
  async #next([kind, number]: number[]): Promise<Buffer> {
    const payload = await this.#frame(METHOD_FRAME);
    const [is, its] = [payload.readUInt16BE(0), payload.readUInt16BE(2)];
    if (is === kind && its === number) return payload;
    throw new Error(
      `RabbitMQ says ${is}.${its}, not ${kind}.${number}: ${payload.toString('latin1')}`,
    );
  }

  async #frame(wanted: number): Promise<Buffer> {
    const { value } = await this.#frames.next();
    if (value?.type === wanted) return value.payload;
    throw new Error(
      `RabbitMQ sends ${value === undefined ? 'nothing more' : `a frame ${value.type}`}`,
    );
  }
}

async function* framesOf(socket: Socket): AsyncGenerator<Frame, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of socket) {
    // a socket gives bytes unless an encoding was set
    rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    while (rest.length >= 8) {
      const end = 7 + rest.readUInt32BE(3);
      if (rest.length <= end) break;
      yield { type: rest.readUInt8(0), payload: rest.subarray(7, end) };
      rest = rest.subarray(end + 1);
    }
  }
  return undefined;
}

const TABLE = Buffer.alloc(4);
const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const short = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
const long = (text: string) => Buffer.concat([u32(text.length), Buffer.from(text)]);
// it is as large as all that is said, and read once
const ON_DISK = long(`${short('x-queue-mode').toString()}S${long('lazy').toString()}`);
