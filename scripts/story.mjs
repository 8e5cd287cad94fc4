// @ts-check
// npm run story -- <orderId> [--json]: prints the steps of an order and the events published about it.
import { parseArgs } from 'node:util';
import { readAccounts } from './start/accounts.mjs';
import { call, login, request } from './start/gateway.mjs';
import { storyLines } from './start/story.mjs';
import { UserError, runScript } from './start/user-error.mjs';

await runScript(async () => {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [orderId] = positionals;
  if (!orderId) throw new UserError('Name an order: npm run story -- <orderId> [--json]');
  const path = `/orders/${encodeURIComponent(orderId)}/story`;
  const { admin, customer } = readAccounts();
  // The demo customer can read its own orders, the admin all orders.
  const own = await request('GET', path, { token: await login(customer) });
  const story = own.data ?? (await call('GET', path, { token: await login(admin) }));
  if (values.json) console.log(JSON.stringify(story, null, 2));
  else for (const line of storyLines(story)) console.log(line);
});
