// @ts-check
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { keepAccountsInSync } from '../devices/broker-accounts.mjs';
import { accountsFile, platformClientId, readAccounts } from './accounts.mjs';
import { buildIsStale, buildServices, installPackages, packagesAreStale } from './build.mjs';
import { planApps, startApps } from './apps.mjs';
import { Children } from './children.mjs';
import { EXIT } from './command-line.mjs';
import { killCommands } from './commands.mjs';
import { ensureControlPlane } from './control-plane.mjs';
import { fillCatalogue, placeOrder } from './demo.mjs';
import { prepareFleet, startFleet } from './fleet.mjs';
import { gatewayUrl } from './gateway.mjs';
import { attemptAsGuest } from './guest.mjs';
import { memoryOf } from './memory.mjs';
import { nextSteps } from './next-steps.mjs';
import { checkNpm, preflight } from './preflight.mjs';
import { inProject, localDir, readApps, relativePath } from './project.mjs';
import { PRIVATE, makePrivate } from './private.mjs';
import { buildRuntime } from './runtime.mjs';
import { TRIMMER } from './servers/redis.mjs';
import { folderOf, obtainServer, servers, startServer } from './servers.mjs';
import { storyLines } from './story.mjs';
import { Terminal, elapsed } from './terminal.mjs';
import { choices, chooseTransports, serversOf } from './transports.mjs';
import { keepTrimmed } from './trim.mjs';
import { reportError } from './user-error.mjs';

const HELP = `npm start starts the whole system, places a demo order, and runs until Ctrl-C.

Usage: npm start [-- <options>]

Options:
  --fresh            delete the data of earlier starts first
  --no-demo          start without the demo catalogue, the demo order and the demo devices
  --once             stop when the demo order is confirmed
  --no-mtls          calls between sidecars without TLS and identities
  --bus <name>       event broker: ${choices('bus').join(', ')}
  --state <name>     database: ${choices('state').join(', ')}
  --devices <name>   device broker: ${choices('devices').join(', ')}
  -h, --help         show this help

Exit codes:
  0  it was stopped, or with --once: the demo order is confirmed
  1  it could not start, or a part of it failed; the message says what to do
  2  the command line is wrong

The defaults of --bus, --state and --devices are in dapr.yaml.

An installed Dapr, and servers that already run on their usual ports, are used. Otherwise Dapr is built
with Go, and each server is taken from the PATH, from Docker, or installed with apt (Kafka with Maven).

Environment variables:
  ADMIN_EMAIL, ADMIN_PASSWORD  the first admin (default: generated, in ${relativePath(accountsFile)})
  DEVICES_BROKER_URL           the device broker, with the platform's account (default:
                               tcp://platform:<generated, in the same file>@127.0.0.1:1884)
  DEVICES_CLIENT_ID            the platform's client id at RabbitMQ, a secret (default: generated)
  LOG_LEVEL                    log level of the services (default: info)
  NO_COLOR, CI                 print plain lines, without rewriting any

While the system runs:
  npm run status               health of the services
  npm run story -- <orderId>   steps and events of an order
  npm run deadletters          events that could not be handled
Each of them prints JSON with --json.`;

/** The interval of updating the device broker's accounts: a new device can connect after this time at most. */
const ACCOUNTS_SYNC_MS = 2000;

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** @param {string[]} args */
export async function main(args) {
  const terminal = new Terminal();
  const children = new Children(terminal);
  const options = readOptions(args, terminal);
  if (!options) return;
  const stopSignal = waitForStopSignal(terminal);
  // However this process exits, none of its children may outlive it.
  process.on('exit', () => {
    killCommands();
    children.kill();
  });
  /** @type {unknown} */
  let failure;
  try {
    await children.guard(Promise.race([up(options, terminal, children), stopSignal]));
    if (!options.once) await children.guard(stopSignal);
  } catch (error) {
    failure = error;
  }
  terminal.interrupt();
  killCommands();
  if (failure) reportError(failure);
  const stopped = await children.stop();
  if (stopped.length > 0) terminal.print(`Stopped: ${stopped.join(', ')}.`);
  // Interrupted work may still hold timers or sockets.
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
    'no-mtls': { type: 'boolean' },
    bus: { type: 'string' },
    state: { type: 'string' },
    devices: { type: 'string' },
  });
  try {
    const { values } = parseArgs({ args, options });
    if (!values.help) return values;
    terminal.print(HELP);
  } catch (error) {
    console.error(`✗ ${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exitCode = EXIT.usage;
  }
  return undefined;
}

/**
 * @param {Terminal} terminal
 * @returns {Promise<void>} resolved at the first signal to stop; the second one exits immediately
 */
function waitForStopSignal(terminal) {
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (stopping) process.exit(1);
        stopping = true;
        terminal.interrupt();
        terminal.print(
          `${signal === 'SIGINT' ? '\n' : ''}Stopping … (press Ctrl-C again to stop immediately)`,
        );
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
  // The broker that is started here has accounts. That of dapr.yaml is any broker on this machine.
  if (options.devices === undefined && transports.devices === 'anonymous') {
    transports.devices = 'mosquitto';
  }
  terminal.print('Checks');
  const installed = await preflight(terminal, apps, transports.bus);

  if (options.fresh) deleteStoredData();
  // The sidecars create their databases in data, but not the folder itself.
  for (const folder of [inProject('data'), localDir]) makePrivate(folder);
  const accounts = readAccounts();
  const { admin, platform } = accounts;
  const ids = apps.map(({ id }) => id);
  const { all, broker } = serversOf(transports, accounts, ids);

  terminal.print('Setup');
  const [runtime, programs] = await Promise.all([
    installed ?? buildRuntime(terminal),
    obtainServers(all, terminal),
    prepareServices(terminal),
  ]);
  // From here on, because programs that are installed may be for all users of the machine.
  process.umask(PRIVATE);

  terminal.print('Servers');
  // All are started before the first one is awaited.
  const waits = [];
  for (const [index, server] of all.entries()) {
    waits.push(await startServer(server, programs[index], children, terminal));
  }
  const plane = await ensureControlPlane(runtime, children, terminal, !options['no-mtls']);
  await Promise.all([...waits, plane.ready].map((wait) => wait()));
  // A server that was running before has its own accounts. The environment names them.
  const own = all.filter(({ name }) => children.has(name));
  if (transports.bus === 'redis') {
    const trimmer = own.find(({ name }) => name === servers.redis.name)?.clientEnv?.(TRIMMER);
    const password = trimmer?.REDIS_PASSWORD;
    keepTrimmed(servers.redis.ports[0], password ? { name: TRIMMER, password } : undefined);
  }

  terminal.print('Services');
  // A broker that was running before may have one listener only.
  const isOwn = broker !== undefined && children.has(broker.name);
  const brokerPort = isOwn ? broker.platformPort(broker.ports) : broker?.devicePort(broker.ports);
  const { env } = process;
  const devices = {
    DEVICES_BROKER_URL: env.DEVICES_BROKER_URL ?? urlOf(platform, brokerPort),
    DEVICES_CLIENT_ID: env.DEVICES_CLIENT_ID ?? platformClientId(platform),
  };
  const planned = await planApps(runtime, transports, {
    services: { ADMIN_EMAIL: admin.email, ADMIN_PASSWORD: admin.password },
    sidecars: (app) => Object.assign({ ...devices }, ...own.map((it) => it.clientEnv?.(app))),
    plane,
    components: (text) => own.reduce((component, it) => it.secure?.(component) ?? component, text),
  });
  await startApps(planned, children, terminal);

  if (broker) syncDeviceAccounts(broker, children);
  /** @type {string | undefined} */
  let productId;
  if (!options['no-demo']) {
    const show = async () => {
      productId = await demo(terminal);
      if (options.once) return;
      await prepareFleet();
      startFleet(children, terminal);
    };
    await children.guard(options.once ? show() : attemptAsGuest(terminal, 'demo', show));
  }
  const url = gatewayUrl();
  const mtls = plane.identities !== undefined;
  terminal.print(
    `\nReady after ${elapsed(performance.now() - begun)}, using ${await memoryOf(children.groups)} of memory.`,
  );
  if (options.once) return;
  for (const line of nextSteps({ url, accounts, mtls, productId })) terminal.print(line);
  terminal.print('Press Ctrl-C to stop. From another terminal: npm stop');
}

/** @param {Terminal} terminal */
async function prepareServices(terminal) {
  if (packagesAreStale()) {
    checkNpm();
    await installPackages(terminal);
  }
  if (buildIsStale()) await buildServices(terminal);
}

/**
 * One after the other, as apt runs once at a time.
 * @param {readonly import('./servers.mjs').Server[]} all
 * @param {Terminal} terminal
 */
async function obtainServers(all, terminal) {
  const programs = [];
  for (const server of all) programs.push(await obtainServer(server, terminal));
  return programs;
}

/**
 * The URL by which a sidecar connects to the device broker.
 * @param {import('./accounts.mjs').Platform} platform
 * @param {number} [port]
 */
function urlOf({ userName, password }, port = servers.mosquitto.ports[0]) {
  const account = [userName, password].map(encodeURIComponent).join(':');
  return `tcp://${account}@127.0.0.1:${port}`;
}

/**
 * Keeps the broker's accounts equal to the registered devices, as long as the system runs. The accounts of
 * a broker that was running before are managed by its operator.
 * @param {import('./servers.mjs').DeviceBroker} broker
 * @param {Children} children
 */
function syncDeviceAccounts(broker, children) {
  if (!children.has(broker.name)) return;
  const location = {
    dir: folderOf(broker),
    ports: broker.ports,
    reload: () => {
      children.signal(broker.name, 'SIGHUP');
    },
  };
  // Failures are retried silently, such as while the gateway starts. Other parts report a gateway that is
  // down.
  void keepAccountsInSync((accounts) => broker.setAccounts(accounts, location), {
    everyMs: ACCOUNTS_SYNC_MS,
  });
}

/** Deletes the data of the services, the servers and the scheduler. The accounts are kept. */
function deleteStoredData() {
  const data = inProject('data');
  for (const name of existsSync(data) ? readdirSync(data) : []) {
    if (name !== '.gitignore') rmSync(inProject('data', name), { recursive: true });
  }
  for (const name of [...Object.values(servers).map(({ program }) => program), 'scheduler']) {
    rmSync(`${localDir}/${name}`, { recursive: true, force: true });
  }
}

/** Kafka assigns the topics to their subscribers in the first seconds. */
const STARTING_MS = 120_000;

/**
 * Does some work again until it succeeds, or the system should be usable.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function whileStarting(work) {
  const begun = performance.now();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() - begun > STARTING_MS) throw error;
      await sleep(1_000);
    }
  }
}

/**
 * @param {Terminal} terminal
 * @returns {Promise<string>} the id of a product in stock
 */
async function demo(terminal) {
  terminal.print('Demo');
  const products = await terminal.runStep(
    ['catalogue', 'creating the demo catalogue'],
    () => whileStarting(fillCatalogue),
    (all) => `${all.length} products in shop_1`,
  );
  const { productId = '' } = products.find(({ pieces }) => pieces >= 1000) ?? {};
  const order = await terminal.runStep(
    ['order', 'placing an order'],
    () => placeOrder(productId),
    ({ orderId }) => `${orderId} confirmed`,
  );
  for (const line of storyLines(order.story)) terminal.print(`      ${line}`);
  return productId;
}
