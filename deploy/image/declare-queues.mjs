// @ts-check
// declare-queues: declares the exchanges and queues of the bus at a RabbitMQ, by its management API (RABBITMQ_API,
// RABBITMQ_USERNAME, RABBITMQ_PASSWORD; RABBITMQ_VHOST, default /). RabbitMQ drops an event without a queue, so it
// runs before the services start. A declaration that exists changes nothing.
import { readFileSync } from 'node:fs';
import { runMain } from '../../scripts/start/command-line.mjs';
import { inProject } from '../../scripts/start/project.mjs';
import { UserError } from '../../scripts/start/user-error.mjs';

const TIMEOUT_MS = 30_000;

runMain(async () => {
  const { RABBITMQ_API: api = '', RABBITMQ_USERNAME: user = '' } = process.env;
  const { RABBITMQ_PASSWORD: password = '', RABBITMQ_VHOST: vhost = '/' } = process.env;
  const file = inProject('components', 'bus', 'rabbitmq', 'definitions.json');
  const { exchanges, queues, bindings, policies } = JSON.parse(readFileSync(file, 'utf8'));
  const body = Object.fromEntries(
    Object.entries({ exchanges, queues, bindings, policies }).map(([kind, all]) => [
      kind,
      all.map((/** @type {object} */ each) => ({ ...each, vhost })),
    ]),
  );
  const url = new URL('api/definitions', api.endsWith('/') ? api : `${api}/`);
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) {
    throw new UserError(
      `RabbitMQ at ${url.host} refuses the queues with ${response.status}: ${(await response.text()).slice(0, 500)}`,
    );
  }
  console.log(`${queues.length} queues are declared.`);
});
