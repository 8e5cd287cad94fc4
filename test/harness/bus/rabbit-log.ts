import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Channel, type ConsumeMessage, connect } from 'amqplib';
import { z } from 'zod';
import { rabbitmq } from '../../../scripts/start/servers/rabbitmq.mjs';
import type { Process } from '../process';
import type { BrokerLog, Entry, Group } from './broker-log';

const run = promisify(execFile);

/** Gets a copy of every event, and is never consumed. Durable, like the queues of the services. */
const EVERYTHING = 'said';
const PATIENCE_MS = 30_000;

const Queues = z.array(
  z.object({ name: z.string(), messages_ready: z.int(), messages_unacknowledged: z.int() }),
);
const Exchanges = z.array(z.object({ name: z.string(), type: z.string() }));
const Event = z.object({ time: z.iso.datetime({ offset: true }) });

/** How to reach a server. */
export interface RabbitServer {
  readonly hostname: string;
  readonly port: number;
  /** Without it, that of RabbitMQ itself, which may connect from its own machine only. */
  readonly account?: { readonly username: string; readonly password: string };
  /** Runs rabbitmqctl of the server; returns what it prints. */
  readonly control: (args: readonly string[]) => Promise<string>;
}

/** A queue for each service and topic, with the messages that the service has not acknowledged. */
export class RabbitLog implements BrokerLog {
  constructor(private readonly server: RabbitServer) {}

  /** Of a server on this machine. */
  static of({ port, process }: { port: number; process: Process }): RabbitLog {
    const control = async (args: readonly string[]) => {
      const options = { env: process.env, maxBuffer: 1 << 24, timeout: PATIENCE_MS };
      // the one of the running server: Debian's on the PATH is for another user
      const program = join(dirname(rabbitmq.find() ?? ''), 'rabbitmqctl');
      return (await run(program, args, options)).stdout;
    };
    return new RabbitLog({ hostname: '127.0.0.1', port, control });
  }

  /** An acknowledged message is gone, unless there is a queue that keeps a copy. */
  async keep(): Promise<void> {
    const exchanges = Exchanges.parse(await this.#list('exchanges', 'name', 'type'));
    const topics = exchanges.filter(
      ({ name, type }) => type === 'fanout' && !name.startsWith('amq.'),
    );
    await this.#connected(async (channel) => {
      await declared(channel);
      for (const { name } of topics) await channel.bindQueue(EVERYTHING, name, '');
    });
  }

  async entries(): Promise<Entry[]> {
    const messages = await this.#connected(async (channel) => {
      const { messageCount } = await declared(channel);
      return read(channel, messageCount);
    });
    return messages.map(({ fields, content }, number) => {
      const text = content.toString();
      const publishedEvents = Date.parse(Event.parse(JSON.parse(text)).time);
      return { entry: `${publishedEvents}-${number}`, topic: fields.exchange, text, beside: '' };
    });
  }

  async groups(): Promise<Group[]> {
    const figures = ['name', 'messages_ready', 'messages_unacknowledged'];
    const queues = Queues.parse(await this.#list('queues', ...figures));
    return queues
      .filter(({ name }) => name !== EVERYTHING)
      .map((queue) => {
        const { messages_ready: lag, messages_unacknowledged: pending } = queue;
        return { ...namesIn(queue.name), pending, lag };
      });
  }

  /** Messages that are unacknowledged at the end are requeued. */
  async #connected<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const { hostname, port, account } = this.server;
    const heartbeat = PATIENCE_MS / 2_000;
    const connection = await connect(
      { hostname, port, heartbeat, ...account },
      { timeout: PATIENCE_MS },
    );
    const lost = new Promise<never>((_, reject) => {
      connection.on('error', reject);
      connection.on('close', () => {
        reject(new Error('RabbitMQ closed the connection'));
      });
    });
    try {
      const channel = await connection.createChannel();
      // a pending answer on the channel rejects as well
      channel.on('error', () => {});
      return await Promise.race([work(channel), lost]);
    } finally {
      // a lost connection needs no closing
      await connection.close().catch(() => undefined);
    }
  }

  /** The broker's current figures; those of its HTTP API are seconds old. */
  async #list(what: string, ...columns: string[]): Promise<unknown> {
    const args = ['--quiet', '--formatter', 'json', `list_${what}`, ...columns];
    return JSON.parse(await this.server.control(args));
  }
}

// in a file: it holds every event, and is read once
const declared = (channel: Channel) =>
  channel.assertQueue(EVERYTHING, { durable: true, arguments: { 'x-queue-mode': 'lazy' } });

async function read(channel: Channel, count: number): Promise<ConsumeMessage[]> {
  const messages: ConsumeMessage[] = [];
  if (count === 0) return messages;
  await new Promise<void>((resolve, reject) => {
    const take = (message: ConsumeMessage | null) => {
      if (message === null) {
        reject(new Error(`${EVERYTHING} is gone`));
        return;
      }
      messages.push(message);
      if (messages.length === count) resolve();
    };
    channel.consume(EVERYTHING, take).catch(reject);
  });
  return messages.slice(0, count);
}

/** The inverse of daprd's name of a queue, `notification-order.confirmed`. No service has a dot in its name. */
export function namesIn(queue: string): Pick<Group, 'name' | 'topic'> {
  const [, name = queue, topic = ''] = /^(.+?)-([^-.]+\..+)$/.exec(queue) ?? [];
  return { name, topic };
}
