import { z } from 'zod';
import { brokerLog } from '../harness/bus/broker-log';
import type { RunningSystem } from '../harness/running-system';

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
export async function busText(system: RunningSystem): Promise<string> {
  const entries = await brokerLog(system).entries();
  return entries.map(({ topic, text, beside }) => [topic, text, beside].join('\n')).join('\n');
}

/** Every event that was said, in the order in which they were. */
export async function eventsOf(system: RunningSystem): Promise<Event[]> {
  const entries = await brokerLog(system).entries();
  return entries.map(({ topic, text }) => ({ ...Event.parse(JSON.parse(text)), topic }));
}
