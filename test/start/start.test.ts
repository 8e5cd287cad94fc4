import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inProject, readApps, root } from '../../scripts/start/project.mjs';
import { until } from '../harness/until';
import { assertCurrent, assertPortsFree } from './clone';
import { type Listener, isOnLoopback, listeners } from './listeners';
import { openToOthers, processesIn } from './processes';
import { Room } from './room';

// `npm start` in a clone of the last commit, as a user types it. Packages and the built Dapr are linked
// from this project, as making them takes ten minutes; everything else is made in the clone.

const START_MS = 180_000;

/** What npm start starts, by command lines. */
const STARTED =
  /dist\/services|daprd |redis-server|mosquitto|placement |scheduler |sentry |device-fleet/;
/** A variable that npm start finds in its environment, and that no process of the system reads. */
const UNRELATED = 'PASSWORD_OF_ANOTHER_PROGRAM';

const APPS = readApps();
/** The apps that have a sidecar. */
const SERVICES = APPS.filter(({ appPort }) => appPort > 0);
const LAST_LINE = 'Press Ctrl-C to stop. From another terminal: npm stop';
/** A broker takes ten seconds to start on two busy cores, and sidecars try every few seconds to reconnect. */
const RESTART_MS = 60_000;

let folder: string;
let room: Room | undefined;
let start: ChildProcess;
let output = '';
/** What it had printed when the system was ready. */
let printed = '';

const ended = () => start.exitCode !== null || start.signalCode !== null;

/** Waits until the command has printed this text, or has ended. */
async function said(text: string, withinMs: number): Promise<void> {
  await until(`npm start to say "${text}"`, () => output.includes(text) || ended(), withinMs);
  if (!output.includes(text)) throw new Error(`npm start has ended:\n${output}`);
}

beforeAll(async () => {
  await assertCurrent();
  folder = mkdtempSync(join(tmpdir(), 'omnichannel-start-'));
  execFileSync('git', ['clone', '--quiet', root, folder]);
  for (const name of ['node_modules', '.runtime']) {
    symlinkSync(inProject(name), join(folder, name));
  }
  room = await Room.open();
  if (room === undefined) await assertPortsFree();
  type('npm', 'start');
});

/** Starts a command that keeps running. */
function type(program: string, ...words: string[]): void {
  const [command, args] = room?.inside(folder, program, ...words) ?? [program, words];
  // a process group of its own, so that Ctrl-C signals the command and not this test
  start = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, [UNRELATED]: 'of somebody else' },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  output = '';
  for (const stream of [start.stdout, start.stderr]) {
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
}

afterAll(() => {
  if (!ended()) signal('SIGKILL');
  room?.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

test('npm start starts the system and confirms an order, whose story it prints', async () => {
  await said(LAST_LINE, START_MS);
  printed = output;
  expect(output).toMatch(/✓ order: order_\S+ confirmed \(/);
  for (const step of ['place', 'reserve', 'charge', 'schedule']) {
    expect(output).toMatch(new RegExp(`${step} +done +\\d+ ms`));
  }
  for (const type of ['order.created', 'payment.processed', 'order.confirmed']) {
    expect(output).toContain(`published ${type}`);
  }
  expect(output).toMatch(/✓ devices: two shelves/);
  expect(output).not.toContain('✗');
});

test('it ends with what a person wants next: the API, mTLS, who may sign in, how to order, how to stop', async () => {
  const { admin, customer } = accounts();
  for (const line of [
    'API explorer  http://127.0.0.1:4000/api/docs',
    'Calls between services: mTLS is on',
    `Admin         ${admin.email}, password in .local/accounts.json`,
    `Customer      ${customer.email}, password in .local/accounts.json`,
    LAST_LINE,
  ]) {
    expect(output).toContain(line);
  }
  for (const { password } of [admin, customer]) expect(output).not.toContain(password);
  const explorer = await inside('curl', '-sL', 'http://127.0.0.1:4000/api/docs');
  expect(explorer).toContain('swagger');
});

test('the printed commands place an order', async () => {
  expect(await order()).toMatchObject({ success: true, data: { status: 'confirmed' } });
});

test('everything that npm start starts listens on loopback addresses only', () => {
  const all = listening();
  const apps = readApps().flatMap(({ port, appPort }) => [port, appPort].filter((it) => it > 0));
  const control = [50005, 18202, 18203, 50006, 18211, 18212, 18213, 18214, 18221, 18222];
  const ports = all.map(({ port }) => port);
  expect(ports).toEqual(expect.arrayContaining([...apps, ...control, 23012, 6379, 1883]));
  // each sidecar has two ports of its API, one for other sidecars, and one for metrics
  const ofSidecars = all.filter(({ command }) => command.includes('daprd'));
  expect(ofSidecars).toHaveLength(4 * SERVICES.length);
  expect(all.filter((it) => !isOnLoopback(it))).toEqual([]);
});

test('what it stores and logs is for this user only', () => {
  const folders = ['data', '.local'].map((name) => join(folder, name));
  expect(folders.flatMap(openToOthers)).toEqual([]);
  expect(readdirSync(join(folder, 'data', 'messages', 'email'))).not.toEqual([]);
});

test('each process has the environment that it reads, and no password of another', () => {
  const all = processesIn(folder).filter(({ command }) => STARTED.test(command));
  const having = (name: string) =>
    all.filter(({ env }) => name in env).map(({ command }) => command);
  expect(all.length).toBeGreaterThan(2 * SERVICES.length);
  expect(having(UNRELATED)).toEqual([]);
  expect(having('ADMIN_PASSWORD')).toEqual([expect.stringMatching(/services\/user\/main/)]);
  expect(having('DEVICES_BROKER_URL')).toEqual([expect.stringMatching(/daprd .*iot-gateway/)]);
  // sidecars prove their identities, each with a token of its own, and services rely on that
  const identities = all.flatMap(({ env }) => env['SERVICE_IDENTITY'] ?? []);
  expect(new Set(identities)).toEqual(new Set(['sidecar']));
  expect(identities.length).toBeGreaterThanOrEqual(SERVICES.length);
  const proofs = all.flatMap(({ env }) => env['DAPR_SENTRY_TOKEN_FILE'] ?? []);
  expect(new Set(proofs).size).toBe(SERVICES.length + 2);
  expect(proofs).toHaveLength(SERVICES.length + 2);
  const tokens = SERVICES.flatMap(({ id, main }) => {
    const service = all.find(({ command }) => command.includes(main));
    const sidecar = all.find(({ command }) => command.includes(`--app-id ${id} `));
    const { DAPR_API_TOKEN: api = '', APP_API_TOKEN: app = '' } = service?.env ?? {};
    expect(sidecar?.env).toMatchObject({ DAPR_API_TOKEN: api, APP_API_TOKEN: app });
    return [api, app];
  });
  expect(tokens.filter((token) => token.length < 32)).toEqual([]);
  expect(new Set(tokens).size).toBe(tokens.length);
  for (const { command } of all) for (const token of tokens) expect(command).not.toContain(token);
});

test('a device that is registered meanwhile may use its own topics, and a stranger may not log in', () => {
  const program = ['--import', './scripts/typescript.mjs', 'test/start/newcomer.ts'];
  const node = inProject('node_modules', '.bin', 'node');
  const [command, args] = room?.inside(folder, node, ...program) ?? [node, program];
  const output = execFileSync(command, args, { cwd: folder, encoding: 'utf8' });
  expect(JSON.parse(output)).toEqual({
    admittedMs: expect.any(Number),
    published: ['retail/default/own/telemetry own'],
    received: ['retail/default/own/command for it'],
    wrong: expect.stringContaining('Not authorized'),
    unknown: expect.stringContaining('Not authorized'),
    anonymous: expect.stringContaining('Not authorized'),
  });
});

// One of each kind: the pattern of its command line, and its name in the output.
test.each([
  ['a service', 'dist.services.payment.main', 'payment'],
  ['the sidecar of a service', 'daprd .*--app-id order ', 'order-sidecar'],
  ['the gateway', 'dist.services.gateway.main', 'gateway'],
  ['the simulated payment provider', 'payment.simulator.main', 'payment-provider-simulator'],
  ['the broker and its stored events', 'redis-server', 'Redis'],
  ['the broker of the devices', 'mosquitto', 'mosquitto'],
  ['placement', 'placement --id', 'placement'],
  ['the scheduler', 'scheduler --id', 'scheduler'],
  ['the authority of identities', 'sentry --issuer', 'sentry'],
])(
  '%s that is killed is named and restarted, and an order is confirmed',
  async (_, pattern, name) => {
    output = '';
    await killProcess(pattern);
    await said(`✓ ${name} works again after`, RESTART_MS);
    expect(output).toMatch(
      new RegExp(
        `! ${name} was ended by SIGKILL, most likely because .*\\. Log: \\.local/logs/${name}\\.log\\. Restarting it in`,
      ),
    );
    // requests in the first seconds may meet what is still reconnecting
    await until(
      'an order',
      async () => {
        const { data } = await order();
        return data?.status === 'confirmed';
      },
      RESTART_MS,
    );
    expect(ended()).toBe(false);
  },
);

test('Ctrl-C stops everything, says so, and leaves nothing running', async () => {
  output = '';
  signal('SIGINT');
  await until('the end of npm start', ended, 60_000).catch(async (error: unknown) => {
    const left = await room?.processes();
    throw new Error([String(error), output, ...(left ?? [])].join('\n'), { cause: error });
  });
  // 130 if the shell between npm and the command reports that it was interrupted too
  expect([0, 130]).toContain(start.exitCode);
  expect(output).toMatch(
    new RegExp(
      `^Stopped: devices, ${APPS.length} services, ${SERVICES.length} sidecars, .*Redis\\.$`,
      'm',
    ),
  );
  expect(await room?.processes()).toEqual(room && []);
  if (room === undefined) await assertPortsFree();
});

test('a service in a crash loop ends npm start with its last lines and the likeliest cause', async () => {
  type('npm', 'start', '--', '--no-demo');
  await said(LAST_LINE, START_MS);
  const main = join(folder, 'dist', 'services', 'payment', 'main.js');
  const text = readFileSync(main, 'utf8');
  writeFileSync(main, `require('./no-such-module');\n`);
  await killProcess('dist.services.payment.main');
  await until('the end of npm start', ended, 60_000);
  writeFileSync(main, text);
  expect(output).toContain("Cannot find module './no-such-module'");
  expect(output).toMatch(
    /✗ payment ended 5 times within a minute\. payment exited with code 1, most likely because the build is incomplete/,
  );
  expect(start.exitCode).toBe(1);
  expect(await room?.processes()).toEqual(room && []);
  if (room === undefined) await assertPortsFree();
});

test('another broker and database are started as well, and confirm an order', async () => {
  type(
    'npm',
    'start',
    '--',
    '--bus',
    'kafka',
    '--state',
    'postgresql',
    '--devices',
    'rabbitmq',
    '--once',
  );
  const seen = new Map<string, Listener>();
  const watch = setInterval(() => {
    for (const it of listening()) seen.set(`${it.address}:${it.port} ${it.command}`, it);
  }, 1_000);
  await said('confirmed (', START_MS).finally(() => {
    clearInterval(watch);
  });
  const ports = [...seen.values()].map(({ port }) => port);
  expect(ports).toEqual(expect.arrayContaining([9092, 5432, 5672, 1883, 15672, 25672, 4000]));
  expect([...seen.values()].filter((it) => !isOnLoopback(it))).toEqual([]);
  await until('the end of npm start', ended, 60_000);
  expect(output).toMatch(/^Stopped: \d+ services, .*RabbitMQ with MQTT, PostgreSQL, Kafka\.$/m);
  expect(start.exitCode).toBe(0);
  expect(await room?.processes()).toEqual(room && []);
});

/** What a command prints, on the machine where npm start runs, in its folder. */
async function inside(program: string, ...words: string[]): Promise<string> {
  const [command, args] = room?.inside(folder, program, ...words) ?? [program, words];
  const path = `${inProject('node_modules', '.bin')}:${process.env['PATH']}`;
  const { stdout } = await run(command, args, { cwd: folder, env: { ...process.env, PATH: path } });
  return stdout;
}

const run = promisify(execFile);

/** Kills the one process whose command line has this pattern. */
async function killProcess(pattern: string): Promise<void> {
  // the first letter in brackets, so that the pattern does not match itself
  const itself = pattern.replace(/^./, '[$&]');
  const list = `ps -A -ww -o pid=,args= | awk '/${itself}/ { print $1 }'`;
  await inside('sh', '-c', `kill -9 $(${list})`);
}

/** The response to the order that the printed commands place, as a user copies them. */
async function order(): Promise<{ data?: { status: string } }> {
  const [, commands = ''] = /in this folder:\n([^]*?)\nSee its steps/.exec(printed) ?? [];
  return JSON.parse(await inside('sh', '-c', commands)) as { data?: { status: string } };
}

const accounts = () =>
  JSON.parse(readFileSync(join(folder, '.local', 'accounts.json'), 'utf8')) as Record<
    'admin' | 'customer',
    { email: string; password: string }
  >;

/** The sockets of all processes that npm start started. */
function listening(): Listener[] {
  return room === undefined ? listeners('/proc/self', folder) : listeners(room.proc);
}

function signal(name: NodeJS.Signals): void {
  if (start.pid !== undefined) process.kill(-start.pid, name);
}
