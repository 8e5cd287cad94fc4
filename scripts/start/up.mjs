// @ts-check
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { keepAdmitting } from '../devices/broker-accounts.mjs';
import { accountsFile, readAccounts } from './accounts.mjs';
import { buildIsStale, buildServices, installPackages, packagesAreStale } from './build.mjs';
import { Children } from './children.mjs';
import { endCommands } from './commands.mjs';
import { ensureControlPlane } from './control-plane.mjs';
import { fillCatalogue, placeOrder } from './demo.mjs';
import { tell } from './fault.mjs';
import { gatewayUrl } from './gateway.mjs';
import { memoryOf } from './memory.mjs';
import { checkNpm, preflight } from './preflight.mjs';
import { inProject, localDir, readApps, relativePath } from './project.mjs';
import { buildRuntime } from './runtime.mjs';
import { ensureServer, folderOf, servers } from './servers.mjs';
import { Sidecars } from './sidecars.mjs';
import { storyLines } from './story.mjs';
import { Terminal, elapsed } from './terminal.mjs';
import { keepTrimmed } from './trim.mjs';
import { choices, chooseTransports, runFileFor, serversOf } from './transports.mjs';

const HELP = `npm start                brings the whole system up, places one order, and stays until Ctrl-C
npm start -- --fresh     forgets what earlier starts have stored
npm start -- --no-demo   without the demo catalogue, the order and the devices
npm start -- --once      stops again when the order is confirmed
npm start -- --bus kafka --state postgresql --devices rabbitmq
                         another broker (${choices('bus').join(', ')}), another database
                         (${choices('state').join(', ')}), another broker of the devices
                         (${choices('devices').join(', ')}); of what is left out, what dapr.yaml says

It uses a Dapr that is installed and servers that answer on their usual ports, and gets what is
missing: Dapr is built with Go, the servers come from the PATH, from Docker, by apt, Kafka by Maven.

Settings, from the environment:
  ADMIN_EMAIL, ADMIN_PASSWORD  the first admin (else made up, in ${relativePath(accountsFile)})
  DEVICES_BROKER_URL           the broker of the devices, with the platform's account
                               (tcp://platform:<made up, in the same file>@127.0.0.1:1883)
  LOG_LEVEL                    of the services (info)
  NO_COLOR, CI                 lines are only added, none is rewritten

While it runs: npm run status · npm run story -- <orderId> · npm run deadletters (each with --json)`;

/** As long at most until a device that is registered can connect, where there are few. */
const ADMIT_MS = 2000;

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** @param {string[]} args */
export async function main(args) {
  const terminal = new Terminal();
  const children = new Children();
  const options = readOptions(args, terminal);
  if (!options) return;
  const stopAsked = onSignals(terminal);
  // whatever else ends this process, nothing may outlive it
  process.on('exit', () => {
    endCommands();
    children.kill();
  });
  /** @type {unknown} */
  let failure;
  try {
    await Promise.race([up(options, terminal, children), stopAsked]);
    if (!options.once) await children.guard(stopAsked);
  } catch (error) {
    failure = error;
  }
  terminal.interrupt();
  endCommands();
  if (failure) tell(failure);
  const stopped = await children.stop();
  if (stopped.length > 0) terminal.say(`Stopped: ${stopped.join(', ')}.`);
  // what was interrupted may still hold timers or sockets
  process.exit(failure ? 1 : 0);
}

/**
 * @param {string[]} args
 * @param {Terminal} terminal
 */
function readOptions(args, terminal) {
  const options = /** @type {const} */ ({
    help: { type: 'boolean', short: 'h' },
    fresh: { type: 'boolean' },
    'no-demo': { type: 'boolean' },
    once: { type: 'boolean' },
    bus: { type: 'string' },
    state: { type: 'string' },
    devices: { type: 'string' },
  });
  try {
    const { values } = parseArgs({ args, options });
    if (!values.help) return values;
    terminal.say(HELP);
  } catch (error) {
    console.error(`✗ ${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exitCode = 1;
  }
  return undefined;
}

/**
 * @param {Terminal} terminal
 * @returns {Promise<void>} resolved when somebody asks to stop
 */
function onSignals(terminal) {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        terminal.interrupt();
        terminal.say(`${signal === 'SIGINT' ? '\n' : ''}Stopping (once more to end at once) …`);
        resolve();
      });
    }
  });
}

/**
 * @param {NonNullable<ReturnType<typeof readOptions>>} options
 * @param {Terminal} terminal
 * @param {Children} children
 */
async function up(options, terminal, children) {
  const begun = performance.now();
  const apps = readApps();
  const transports = chooseTransports(options);
  terminal.say('This machine');
  const installed = await preflight(terminal, apps);

  terminal.say('Set-up');
  if (packagesAreStale()) {
    checkNpm();
    await installPackages(terminal);
  }
  if (buildIsStale()) await buildServices(terminal);
  const runtime = installed ?? (await buildRuntime(terminal));
  if (options.fresh) forget();
  // the sidecars' databases are not created without it
  mkdirSync(inProject('data'), { recursive: true });
  const { admin, platform } = readAccounts();
  Object.assign(process.env, { ADMIN_EMAIL: admin.email, ADMIN_PASSWORD: admin.password });
  const { all, broker } = serversOf(transports, platform);
  process.env.DEVICES_BROKER_URL ??= urlOf(platform, broker?.devicePort(broker.ports));
  terminal.say(`  ✓ the admin is ${admin.email}, the password is in ${relativePath(accountsFile)}`);

  terminal.say('Servers');
  // all are started before one is waited for
  const waits = [];
  for (const server of all) {
    waits.push(await ensureServer(server, children, terminal));
  }
  waits.push(await ensureControlPlane(runtime, children, terminal));
  for (const wait of waits) await wait();
  if (transports.bus === 'redis') keepTrimmed(servers.redis.ports[0]);

  terminal.say('Services');
  const sidecars = new Sidecars(runtime, children, apps, runFileFor(transports));
  await sidecars.ready(terminal);

  if (broker) admitDevices(broker, children);
  if (!options['no-demo']) {
    await children.guard(demo(terminal));
    if (!options.once) startFleet(children, terminal);
  }
  const url = gatewayUrl();
  terminal.say(
    `\nUp after ${elapsed(performance.now() - begun)}, using ${await memoryOf(children.groups)} of memory.`,
  );
  terminal.say(`  API       ${url}/api/v1/products`);
  terminal.say(`  Health    ${url}/api/v1/health/detailed`);
  terminal.say(`  Services  ${url}/api/v1/gateway/services`);
  if (!options.once) terminal.say('Ctrl-C stops it all.');
}

/**
 * By what a sidecar reaches the broker of the devices.
 * @param {import('./accounts.mjs').Platform} platform
 * @param {number} [port]
 */
function urlOf({ userName, password }, port = servers.mosquitto.ports[0]) {
  const account = [userName, password].map(encodeURIComponent).join(':');
  return `tcp://${account}@127.0.0.1:${port}`;
}

/**
 * Has the broker know the devices that are registered, for as long as the system runs. Of one that was
 * there already the accounts are its operator's.
 * @param {import('./servers.mjs').DeviceBroker} broker
 * @param {Children} children
 */
function admitDevices(broker, children) {
  if (!children.has(broker.name)) return;
  const place = {
    dir: folderOf(broker),
    ports: broker.ports,
    reread: () => {
      children.signal(broker.name, 'SIGHUP');
    },
  };
  // what fails, as a gateway that starts, is tried again; that it is away is told elsewhere
  void keepAdmitting((accounts) => broker.admit(accounts, place), { everyMs: ADMIT_MS });
}

/**
 * A few devices, which sell, count and tell of it for as long as the system runs.
 * @param {Children} children
 * @param {Terminal} terminal
 */
function startFleet(children, terminal) {
  const program = ['--import', './scripts/typescript.mjs', 'test/device-fleet/demo.ts'];
  children.start('devices', 'node', program);
  terminal.say('  ✓ devices: two shelves, two vending machines and a till move into demo-shop-0');
}

/** Wipes what the services, their broker and the scheduler have stored; the accounts stay. */
function forget() {
  const data = inProject('data');
  for (const name of existsSync(data) ? readdirSync(data) : []) {
    if (name !== '.gitignore') rmSync(inProject('data', name), { recursive: true });
  }
  for (const name of [...Object.values(servers).map(({ program }) => program), 'scheduler']) {
    rmSync(`${localDir}/${name}`, { recursive: true, force: true });
  }
}

/** @param {Terminal} terminal */
async function demo(terminal) {
  terminal.say('Demo');
  const products = await terminal.during(
    ['catalogue', 'filling the demo catalogue'],
    () => fillCatalogue(),
    (all) => `${all.length} products in shop_1,`,
  );
  const plenty = products.find(({ pieces }) => pieces >= 1000);
  const order = await terminal.during(
    ['order', 'placing an order'],
    () => placeOrder(plenty?.productId ?? ''),
    ({ orderId }) => `${orderId} confirmed in`,
  );
  for (const line of storyLines(order.story)) terminal.say(`      ${line}`);
}
