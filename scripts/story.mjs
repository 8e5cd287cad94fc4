// @ts-check
import { readAccounts } from './start/accounts.mjs';
import { UsageError, json, runCommand } from './start/command-line.mjs';
import { call, request, withSession } from './start/gateway.mjs';
import { storyLines } from './start/story.mjs';

const COMMAND = {
  about: 'npm run story prints the steps of an order and the events published about it.',
  usage: 'npm run story -- <orderId> [<options>]',
  positionals: { name: 'order' },
  options: { json },
  failsIf: 'the system does not run, or there is no such order',
  notes: `Environment variables:
  GATEWAY_URL                  the gateway (default: the one of npm start)
  ADMIN_EMAIL, ADMIN_PASSWORD  the first admin (default: the one of npm start)`,
};

runCommand(COMMAND, async ({ options, positionals }) => {
  const [orderId, ...others] = positionals;
  if (!orderId || others.length > 0) {
    throw new UsageError('Name one order: npm run story -- <orderId>');
  }
  const path = `/orders/${encodeURIComponent(orderId)}/story`;
  const { admin, customer } = readAccounts();
  // The demo customer can read its own orders, the admin all orders.
  const own = await withSession(customer, (token) => request('GET', path, { token })).catch(
    // it is registered with the demo order
    () => undefined,
  );
  const story = own?.data ?? (await withSession(admin, (token) => call('GET', path, { token })));
  if (options.json) console.log(JSON.stringify(story, null, 2));
  else for (const line of storyLines(story)) console.log(line);
});
