import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { World } from '../harness/world';

const run = promisify(execFile);

/** Every entry of every stream, whoever has read it: `[[topic, field, value, ...], ...]`. */
const EVERYTHING = `
  local all = {}
  for _, topic in ipairs(redis.call('KEYS', '*')) do
    if redis.call('TYPE', topic).ok == 'stream' then
      for _, entry in ipairs(redis.call('XRANGE', topic, '-', '+')) do
        table.insert(all, {topic, unpack(entry[2])})
      end
    end
  end
  return cjson.encode(all)`;

const Entries = z.union([z.array(z.array(z.string())), z.strictObject({}).transform(() => [])]);

const Event = z.looseObject({
  id: z.string(),
  type: z.string(),
  source: z.string(),
  subject: z.string().default(''),
  correlationid: z.string().default(''),
  data: z.unknown(),
});
export type Event = z.infer<typeof Event> & { topic: string };

/** All that the bus holds, as text: for what must not be in it. */
export async function busText({ redisPort }: World): Promise<string> {
  const args = ['-p', String(redisPort), 'EVAL', EVERYTHING, '0'];
  const { stdout } = await run('redis-cli', args, { maxBuffer: 256 * 1024 * 1024 });
  return stdout;
}

/** Every event that was said, topic by topic. */
export async function eventsOf(world: World): Promise<Event[]> {
  const entries = Entries.parse(JSON.parse(await busText(world)));
  return entries.map(([topic = '', ...fields]) => {
    const data = fields[fields.indexOf('data') + 1] ?? '';
    return { ...Event.parse(JSON.parse(data)), topic };
  });
}
