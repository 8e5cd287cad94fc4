import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { BrokerLog, Entry, Group } from './broker-log';

const run = promisify(execFile);

/**
 * Every stream with its groups; the broker's lists of names and values become objects. Entries that a
 * group has not read are counted, up to 1,000: the lag that Redis 7.0 reports stays wrong for good after
 * it was killed after a rewrite of its append-only file.
 */
const GROUPS = `
  local all = {}
  for _, topic in ipairs(redis.call('KEYS', '*')) do
    if redis.call('TYPE', topic).ok == 'stream' then
      local groups = {}
      for _, group in ipairs(redis.call('XINFO', 'GROUPS', topic)) do
        local named = {}
        for at = 1, #group, 2 do named[group[at]] = group[at + 1] end
        local after = '(' .. named['last-delivered-id']
        named.lag = #redis.call('XRANGE', topic, after, '+', 'COUNT', 1000)
        table.insert(groups, named)
      end
      table.insert(all, {topic = topic, groups = groups})
    end
  end
  return cjson.encode(all)`;
const PAGE = `return cjson.encode(redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2]))`;
const PAGE_SIZE = 2_000;

// Lua encodes an empty table as an object
const list = <T extends z.ZodType>(item: T) =>
  z.union([z.array(item), z.strictObject({}).transform(() => [])]);
const Streams = list(
  z.object({
    topic: z.string(),
    groups: list(z.object({ name: z.string(), pending: z.int(), lag: z.int() })),
  }),
);
const Entries = list(z.tuple([z.string(), z.array(z.string())]));

/** A stream for each topic, with all of its entries. */
export class RedisLog implements BrokerLog {
  /** redis-cli takes the password of a server that wants one from REDISCLI_AUTH. */
  constructor(
    private readonly port: number,
    private readonly host = '127.0.0.1',
  ) {}

  async keep(): Promise<void> {}

  async groups(): Promise<Group[]> {
    const streams = Streams.parse(await this.#eval(GROUPS));
    return streams.flatMap(({ topic, groups }) => groups.map((group) => ({ topic, ...group })));
  }

  async entries(): Promise<Entry[]> {
    const streams = Streams.parse(await this.#eval(GROUPS));
    const entries: Entry[] = [];
    for (const { topic } of streams) {
      for (let from = '-'; ;) {
        const page = Entries.parse(await this.#eval(PAGE, [topic], [from, String(PAGE_SIZE)]));
        for (const [entry, fields] of page) entries.push(entryOf(topic, entry, fields));
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE_SIZE) break;
        from = `(${last[0]}`;
      }
    }
    return entries.sort((one, other) => momentOf(one) - momentOf(other));
  }

  async #eval(script: string, keys: string[] = [], args: string[] = []): Promise<unknown> {
    const at = ['-h', this.host, '-p', String(this.port)];
    const words = [...at, 'EVAL', script, String(keys.length), ...keys, ...args];
    const { stdout } = await run('redis-cli', words, { maxBuffer: 1 << 28, timeout: 30_000 });
    return JSON.parse(stdout);
  }
}

function entryOf(topic: string, entry: string, fields: readonly string[]): Entry {
  const at = fields.indexOf('data');
  const text = fields[at + 1] ?? '';
  return { entry, topic, text, beside: fields.toSpliced(at, 2).join('\n') };
}

/** An entry's time, and its number within that millisecond. */
function momentOf({ entry }: Entry): number {
  const [ms = 0, number = 0] = entry.split('-').map(Number);
  return ms + number / 1e6;
}
