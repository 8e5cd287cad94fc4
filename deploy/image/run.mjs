// @ts-check
// The entry point of the image: runs the service, or the tool, that the first argument names.
import { join } from 'node:path';
import { readApps, root } from '../../scripts/start/project.mjs';

/** @type {Readonly<Record<string, string>>} */
const tools = {
  'place-order': 'deploy/image/place-order.mjs',
  'declare-queues': 'deploy/image/declare-queues.mjs',
  'device-accounts': 'scripts/device-accounts.mjs',
};

const apps = readApps();
const [name = ''] = process.argv.splice(2, 1);
const app = apps.find(({ id }) => id === name);
const file = app?.main ?? (Object.hasOwn(tools, name) ? tools[name] : undefined);
if (file === undefined) {
  const names = apps.map(({ id }) => id).sort();
  console.error(
    `${name === '' ? 'The argument is missing' : `There is no service ${name}`}. Services: ${names.join(', ')}. Tools: ${Object.keys(tools).join(', ')}.`,
  );
  process.exit(2);
}
// The port that dapr.yaml gives it.
if (app !== undefined) process.env.PORT ||= String(app.port);
await import(join(root, file));
