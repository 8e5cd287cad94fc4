import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { start } from '#kit/boot/run';
import { unavailable } from '#kit/core/errors';
import { defineEvent } from '#kit/messages/contract';
import { Service } from '#kit/service/service';
import { startSidecars } from '../harness/sidecars';

const Made = defineEvent('Made', {
  type: 'order.created',
  description: 'x.',
  data: z.object({ id: z.string(), n: z.number(), text: z.string() }),
  subject: ({ id }) => id,
});
const service = new Service('order', { stores: { counts: z.object({ count: z.number() }) } });
let down = true;
let running = 0;
let most = 0;
service.on(Made, async ({ id }, { counts }) => {
  if (down) throw unavailable('down');
  running++;
  most = Math.max(most, running);
  await counts.update(id, (now) => ({ count: (now?.count ?? 0) + 1 }));
  running--;
});
const N = Number(process.argv[2] ?? 100_000);
const PER_SUBJECT = 2;
async function main() {
  const system = await startSidecars([{ appId: 'order' }], { env: { LOG_LEVEL: 'error' } });
  const running1 = await start(service, { ...system.app('order').env, LOG_LEVEL: 'error' });
  const { runtime } = running1;
  const rss = () => Math.round(process.memoryUsage().rss / 1e6);
  const heap = () => { (globalThis as { gc?: () => void }).gc?.(); return Math.round(process.memoryUsage().heapUsed / 1e6); };
  const db = () => {
    const folder = join(system.folder, 'data');
    return Math.round(readdirSync(folder).filter((f) => f.startsWith('order')).reduce((sum, f) => sum + statSync(join(folder, f)).size, 0) / 1e6);
  };
  await sleep(2_000);
  const event = (n: number) => ({
    specversion: '1.0', id: `event-${n}`, type: Made.type, source: 'order', subject: `s${Math.floor(n / PER_SUBJECT)}`,
    time: new Date().toISOString(), eventversion: 1, tenantid: 'default', correlationid: 'c', sequence: 1,
    data: { id: `s${Math.floor(n / PER_SUBJECT)}`, n, text: 'x'.repeat(400) },
  });
  console.log(JSON.stringify({ at: 'start', rss: rss(), heap: heap(), db: db() }));
  let next = 0;
  const started = performance.now();
  let mark = started;
  await Promise.all(Array.from({ length: 32 }, async () => {
    for (;;) {
      const n = next++;
      if (n >= N) return;
      for (;;) { if ((await runtime.deliver(event(n), Made.type)) === 'SUCCESS') break; await sleep(100); }
      if (n > 0 && n % 20_000 === 0) {
        const now = performance.now();
        console.log(JSON.stringify({ parked: n, perSecond: Math.round(20_000 / ((now - mark) / 1000)), rss: rss(), heap: heap(), db: db() }));
        mark = now;
      }
    }
  }));
  console.log(JSON.stringify({ parked: N, seconds: Math.round((performance.now() - started) / 1000), rss: rss(), heap: heap(), db: db(), waiting: await runtime.parkedEvents.waiting() }));
  down = false;
  const back = performance.now();
  const live: number[] = [];
  let done = 0;
  const metric = async () => (await runtime.parkedEvents.waiting()).reduce((sum, { events }) => sum + events, 0);
  let left = N;
  const limit = Number(process.argv[3] ?? 60) * 1000;
  while (left > 0 && performance.now() - back < limit) {
    const at = performance.now();
    const id = `live-${done++}`;
    await runtime.deliver({ ...event(0), id, subject: id, data: { id, n: 1, text: 'y' } }, Made.type);
    live.push(performance.now() - at);
    await sleep(20);
    if (done % 100 === 0) left = await metric();
  }
  left = await metric();
  live.sort((a, b) => a - b);
  const seconds = (performance.now() - back) / 1000;
  console.log(JSON.stringify({ drained: N - left, seconds: Math.round(seconds), perSecond: Math.round((N - left) / seconds), mostConcurrent: most, rss: rss(), heap: heap(), liveP50: live[Math.floor(live.length / 2)], liveP95: live[Math.floor(live.length * 0.95)], liveP99: live[Math.floor(live.length * 0.99)] }));
  // live alone
  down = true;
  await running1.stop();
  await system.stop();
  process.exit(0);
}
void main();
