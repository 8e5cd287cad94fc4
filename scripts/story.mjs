// @ts-check
// npm run story -- <orderId> [--json]: the steps of an order, and what was said about it.
import { parseArgs } from 'node:util';
import { readAccounts } from './start/accounts.mjs';
import { Fault, runScript } from './start/fault.mjs';
import { call, login, request } from './start/gateway.mjs';
import { storyLines } from './start/story.mjs';

await runScript(async () => {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [orderId] = positionals;
  if (!orderId) throw new Fault('Which order? Run "npm run story -- <orderId>".');
  const path = `/orders/${encodeURIComponent(orderId)}/story`;
  const { admin, customer } = readAccounts();
  // the demo customer sees its own orders, the admin those of all
  const own = await request('GET', path, { token: await login(customer) });
  const story = own.data ?? (await call('GET', path, { token: await login(admin) }));
  if (values.json) console.log(JSON.stringify(story, null, 2));
  else for (const line of storyLines(story)) console.log(line);
});
