import { z } from 'zod';
import type { Context } from './context';
import { type DeadLetters, failureOf } from './dead-letters';
import { unreadableError } from './deliveries';
import { isTransient } from './errors';
import { type Cause, identity } from './handling';
import type { Log } from './log';
import type { AnyService, BindingMessage, Definition, Handler } from './service';

const JobData = z.object({ job: z.string(), data: z.unknown(), cause: z.string().optional() });
const BindingData = z.object({ data: z.string(), metadata: z.record(z.string(), z.string()) });

interface Parts {
  service: AnyService;
  deadLetters: DeadLetters;
  cause: (given: Partial<Cause>) => Cause;
  open: (cause: Cause) => Context<Definition>;
  log: (cause: Cause) => Log;
}

/**
 * Work that comes neither as a call nor as an event: messages of input bindings, and jobs. What
 * fails for good becomes a dead letter like an event's, of the type `binding.<name>` or `job.<name>`.
 */
export class Work {
  constructor(private readonly parts: Parts) {}

  /** A message of a binding. Throws where it shall be given again. */
  async receive(name: string, message: BindingMessage): Promise<void> {
    const id = this.parts.service.bindings.get(name)?.identify(message);
    const cause = this.parts.cause(id === undefined ? {} : { id: identity('binding', name, id) });
    await this.#attempt(`binding.${name}`, cause, {
      data: Buffer.from(message.data).toString('base64'),
      metadata: message.metadata,
    });
  }

  /** A job that is due. Throws where it shall be tried again. */
  async perform(raw: unknown): Promise<void> {
    const due = JobData.parse(raw);
    const cause = this.parts.cause(due.cause === undefined ? {} : { id: due.cause });
    await this.#attempt(`job.${due.job}`, cause, due.data);
  }

  /** Does the work, or throws why it cannot be done. */
  async do(type: string, cause: Cause, data: unknown): Promise<void> {
    const { service, open } = this.parts;
    const binding = service.bindings.get(type.replace(/^binding\./, ''));
    const job = service.jobs.get(type.replace(/^job\./, ''));
    if (type.startsWith('binding.') && binding !== undefined) {
      const { data: text, metadata } = readable(() => BindingData.parse(data));
      const message = { data: Buffer.from(text, 'base64'), metadata };
      await (binding.handle as Handler)(message, open(cause));
    } else if (type.startsWith('job.') && job !== undefined) {
      const read = readable(() => job.data.parse(data));
      await (job.handle as Handler)(read, open(cause));
    } else {
      throw unreadableError(`${type} is not heard here`);
    }
  }

  async #attempt(type: string, cause: Cause, data: unknown): Promise<void> {
    const { service, deadLetters, log } = this.parts;
    const started = performance.now();
    try {
      await this.do(type, cause, data);
      log(cause).info({ type, duration: performance.now() - started }, 'work done');
    } catch (error) {
      const failure = failureOf(error, 1);
      log(cause).warn({ type, failure }, 'work failed');
      if (isTransient(error)) throw error;
      const { id, correlationId: correlationid } = cause;
      const event = { specversion: '1.0', id, type, source: service.name, correlationid, data };
      await deadLetters.keep(event, failure);
    }
  }
}

/** What cannot be read is told as such: asking again gives the same. */
export function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unreadableError(error instanceof z.ZodError ? z.prettifyError(error) : String(error));
  }
}
