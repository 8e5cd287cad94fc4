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

/** Everything on the bus as text, to check what must not be there. */
export async function busText(system: RunningSystem): Promise<string> {
  const entries = await brokerLog(system).entries();
  return entries.map(({ topic, text, beside }) => [topic, text, beside].join('\n')).join('\n');
}

/** Every published event, in the order of publication. */
export async function eventsOf(system: RunningSystem): Promise<Event[]> {
  const entries = await brokerLog(system).entries();
  return entries.map(({ topic, text }) => ({ ...Event.parse(JSON.parse(text)), topic }));
}
