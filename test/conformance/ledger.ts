import { appendFileSync, closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

const Entry = z.object({
  /** Milliseconds since the epoch. */
  at: z.number(),
  /** The process of a service: `worker-2`. */
  app: z.string(),
  pid: z.int(),
  what: z.enum(['begun', 'done']),
  id: z.string(),
  key: z.string(),
  n: z.int(),
  bytes: z.int().optional(),
  hash: z.string().optional(),
  trace: z.string().optional(),
  /** The data that the handler got, as JSON. */
  made: z.string().optional(),
});
export type Entry = z.infer<typeof Entry>;

/** Records what this process does. A line is one write, so that lines of two processes do not mix. */
export function note(what: Entry['what'], about: Omit<Entry, 'at' | 'app' | 'pid' | 'what'>): void {
  const { LEDGER_FILE: file = '', APP_NAME: app = '' } = process.env;
  const entry: Entry = { at: Date.now(), app, pid: process.pid, what, ...about };
  appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

/** The prefix of the keys of a backlog, whose events are only counted. */
export const PILED = 'piled_';

/** The records of all processes of the services, in order. */
export class Ledger {
  readonly #entries: Entry[] = [];
  readonly #piled = new Set<string>();
  #read = 0;
  #rest = '';

  constructor(readonly file: string) {
    writeFileSync(file, '');
  }

  get entries(): readonly Entry[] {
    this.#readOn();
    return this.#entries;
  }

  #readOn(): void {
    const opened = openSync(this.file, 'r');
    const buffer = Buffer.alloc(1 << 20);
    try {
      for (;;) {
        const length = readSync(opened, buffer, 0, buffer.length, this.#read);
        if (length === 0) return;
        this.#read += length;
        // all records are ASCII, so that no character is cut in two
        const lines = (this.#rest + buffer.toString('latin1', 0, length)).split('\n');
        this.#rest = lines.pop() ?? '';
        for (const line of lines) {
          const entry = Entry.parse(JSON.parse(line));
          if (entry.key.startsWith(PILED)) this.#piled.add(entry.id);
          else this.#entries.push(entry);
        }
      }
    } finally {
      closeSync(opened);
    }
  }

  /** The ids of the handled events of a backlog. */
  get piled(): ReadonlySet<string> {
    this.#readOn();
    return this.#piled;
  }

  /** The records of the processes of a service: its name, with a number or without. */
  of(service: string, what: Entry['what']): Entry[] {
    return this.entries.filter(
      (entry) => entry.what === what && entry.app.replace(/-\d+$/, '') === service,
    );
  }
}
