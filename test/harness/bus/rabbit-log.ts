import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { rabbitmq } from '../../../scripts/start/servers/rabbitmq.mjs';
import type { Process } from '../process';
import { Amqp } from './amqp';
import type { BrokerLog, Entry, Group } from './broker-log';

const run = promisify(execFile);

/** Hears everything, and is never emptied. Durable, like those of the services. */
const EVERYTHING = 'said';
const PATIENCE_MS = 30_000;

const Queues = z.array(
  z.object({ name: z.string(), messages_ready: z.int(), messages_unacknowledged: z.int() }),
);
const Exchanges = z.array(z.object({ name: z.string(), type: z.string() }));
const Event = z.object({ time: z.iso.datetime({ offset: true }) });

/** A queue for each service and topic, with what that service has not acknowledged. */
export class RabbitLog implements BrokerLog {
  readonly #port: number;
  readonly #process: Process;

  constructor({ port, process }: { port: number; process: Process }) {
    this.#port = port;
    this.#process = process;
  }

  /** Of what all have acknowledged nothing is left, unless there is a queue that nobody empties. */
  async keep(): Promise<void> {
    const exchanges = Exchanges.parse(await this.#list('exchanges', 'name', 'type'));
    const topics = exchanges.filter(
      ({ name, type }) => type === 'fanout' && !name.startsWith('amq.'),
    );
    await this.#connected(async (amqp) => {
      await amqp.queue(EVERYTHING);
      for (const { name } of topics) await amqp.bind(EVERYTHING, name);
    });
  }

  async entries(): Promise<Entry[]> {
    const messages = await this.#connected(async (amqp) => {
      const count = await amqp.queue(EVERYTHING);
      return amqp.read(EVERYTHING, count);
    });
    return messages.map(({ exchange, body }, number) => {
      const said = Date.parse(Event.parse(JSON.parse(body)).time);
      return { entry: `${said}-${number}`, topic: exchange, text: body, beside: '' };
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

  async #connected<T>(work: (amqp: Amqp) => Promise<T>): Promise<T> {
    const amqp = await Amqp.open(this.#port, PATIENCE_MS);
    try {
      return await work(amqp);
    } finally {
      amqp.close();
    }
  }

  /** What the broker itself says now; its HTTP API would say what was seconds ago. */
  async #list(what: string, ...columns: string[]): Promise<unknown> {
    const args = ['--quiet', '--formatter', 'json', `list_${what}`, ...columns];
    const options = { env: this.#process.env, maxBuffer: 1 << 24, timeout: PATIENCE_MS };
    // beside the server itself: Debian's own on the PATH is for another user
    const program = join(dirname(rabbitmq.find() ?? ''), 'rabbitmqctl');
    const { stdout } = await run(program, args, options);
    return JSON.parse(stdout);
  }
}

/** As daprd names a queue: `notification-order.confirmed`. No service has a dot in its name. */
export function namesIn(queue: string): Pick<Group, 'name' | 'topic'> {
  const [, name = queue, topic = ''] = /^(.+?)-([^-.]+\..+)$/.exec(queue) ?? [];
  return { name, topic };
}
