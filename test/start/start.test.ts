import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { packagesAreStale } from '../../scripts/start/build.mjs';
import { isFree } from '../../scripts/start/ports.mjs';
import { inProject, readApps, root } from '../../scripts/start/project.mjs';
import { findInstalledRuntime, runtimeIsStale } from '../../scripts/start/runtime.mjs';
import { until } from '../harness/until';
import { type Listener, isOnLoopback, listeners } from './listeners';
import { openToOthers, processesIn } from './processes';
import { Room } from './room';

// `npm start` in a clone of the last commit, as a user types it. Packages and the built Dapr are linked
// from this project, as making them takes ten minutes; everything else is made in the clone.

const START_MS = 180_000;

/** What npm start starts, by command lines. */
const STARTED =
  /dist\/services|daprd |dapr run|redis-server|mosquitto|placement |scheduler |sentry |device-fleet/;
/** A variable that npm start finds in its environment, and that no process of the system reads. */
const UNRELATED = 'PASSWORD_OF_ANOTHER_PROGRAM';

let folder: string;
let room: Room | undefined;
let start: ChildProcess;
let output = '';

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
  await said('Press Ctrl-C to stop.', START_MS);
  expect(output).toMatch(/✓ order: order_\S+ confirmed \(/);
  for (const step of ['place', 'reserve', 'charge', 'schedule']) {
    expect(output).toMatch(new RegExp(`${step} +done +\\d+ ms`));
  }
  for (const type of ['order.created', 'payment.processed', 'order.confirmed']) {
    expect(output).toContain(`published ${type}`);
  }
  expect(output).toMatch(/✓ devices: two shelves/);
  expect(output).toContain('http://127.0.0.1:4000/api/v1/products');
  expect(output).not.toContain('✗');
});

test('everything that npm start starts listens on loopback addresses only', () => {
  const all = listening();
  const apps = readApps().flatMap(({ port, appPort }) => [port, appPort].filter((it) => it > 0));
  const control = [50005, 18202, 18203, 50006, 18211, 18212, 18213, 18214, 18221, 18222];
  const ports = all.map(({ port }) => port);
  expect(ports).toEqual(expect.arrayContaining([...apps, ...control, 23012, 6379, 1883]));
  // each sidecar has two ports of its API, one for other sidecars, and one for metrics
  const ofSidecars = all.filter(({ command }) => command.includes('daprd'));
  expect(ofSidecars).toHaveLength(4 * readApps().length);
  expect(all.filter((it) => !isOnLoopback(it))).toEqual([]);
});

test('what it stores and logs is for this user only', () => {
  const folders = ['data', '.local', '.dapr'].map((name) => join(folder, name));
  expect(folders.flatMap(openToOthers)).toEqual([]);
  expect(readdirSync(join(folder, 'data', 'messages', 'email'))).not.toEqual([]);
});

test('each process has the environment that it reads, and no password of another', () => {
  const all = processesIn(folder).filter(({ command }) => STARTED.test(command));
  const having = (name: string) =>
    all.filter(({ env }) => name in env).map(({ command }) => command);
  expect(all.length).toBeGreaterThan(2 * readApps().length);
  expect(having(UNRELATED)).toEqual([]);
  expect(having('ADMIN_PASSWORD')).toEqual([expect.stringMatching(/services\/user\/main/)]);
  expect(having('DEVICES_BROKER_URL')).toEqual([expect.stringMatching(/daprd .*iot-gateway/)]);
  // sidecars prove their identities, each with a token of its own, and services rely on that
  const identities = all.flatMap(({ env }) => env['SERVICE_IDENTITY'] ?? []);
  expect(new Set(identities)).toEqual(new Set(['sidecar']));
  expect(identities.length).toBeGreaterThanOrEqual(
    readApps().filter(({ appPort }) => appPort > 0).length,
  );
  const proofs = all.flatMap(({ env }) => env['DAPR_SENTRY_TOKEN_FILE'] ?? []);
  expect(new Set(proofs).size).toBe(readApps().length + 2);
  expect(proofs).toHaveLength(readApps().length + 2);
  const tokens = readApps()
    .filter(({ appPort }) => appPort > 0)
    .map(({ id, main }) => {
      const service = all.find(({ command }) => command.includes(main));
      const sidecar = all.find(({ command }) => command.includes(`--app-id ${id} `));
      const { DAPR_API_TOKEN: api = '', APP_API_TOKEN: app = '' } = service?.env ?? {};
      expect(sidecar?.env).toMatchObject({ DAPR_API_TOKEN: api, APP_API_TOKEN: app });
      return [api, app];
    })
    .flat();
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

test('Ctrl-C stops everything, says so, and leaves nothing running', async () => {
  signal('SIGINT');
  await until('the end of npm start', ended, 30_000).catch(async (error: unknown) => {
    const left = await room?.processes();
    throw new Error([String(error), output, ...(left ?? [])].join('\n'), { cause: error });
  });
  // 130 if the shell between npm and the command reports that it was interrupted too
  expect([0, 130]).toContain(start.exitCode);
  expect(output).toMatch(/^Stopped: devices, dapr run, .*Redis\.$/m);
  expect(await room?.processes()).toEqual(room && []);
  if (room === undefined) await assertPortsFree();
});

test('a service that dies ends npm start, which prints its name and its last lines', async () => {
  type('npm', 'start');
  await said('Press Ctrl-C to stop.', START_MS);
  const kill =
    'kill -9 $(ps -A -o pid=,args= | awk "/[d]ist.services.payment.main/ { print \\$1 }")';
  const [command, args] = room?.inside('/', 'sh', '-c', kill) ?? ['sh', ['-c', kill]];
  execFileSync(command, args);
  await until('the end of npm start', ended, 30_000);
  expect(output).toMatch(/✗ payment exited/);
  expect(output).toContain('.dapr/logs/payment_app_');
  expect(output).toContain('"message":"ready"');
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
  expect(output).toMatch(/^Stopped: dapr run, .*RabbitMQ with MQTT, PostgreSQL, Kafka\.$/m);
  expect(start.exitCode).toBe(0);
  expect(await room?.processes()).toEqual(room && []);
});

/** The sockets of all processes that npm start started. */
function listening(): Listener[] {
  return room === undefined ? listeners('/proc/self', folder) : listeners(room.proc);
}

function signal(name: NodeJS.Signals): void {
  if (start.pid !== undefined) process.kill(-start.pid, name);
}

/** The linked packages must be those of the clone's commit, or npm start would replace them. */
async function assertCurrent(): Promise<void> {
  const committed = execFileSync('git', ['show', 'HEAD:package-lock.json'], { cwd: root });
  if (packagesAreStale() || !committed.equals(readFileSync(inProject('package-lock.json')))) {
    throw new Error('node_modules differs from the last commit: commit, or run "npm ci"');
  }
  if (!(await findInstalledRuntime()) && runtimeIsStale()) {
    throw new Error('the Dapr runtime is outdated: run "npm run runtime"');
  }
}

async function assertPortsFree(): Promise<void> {
  const ports = readApps()
    .flatMap(({ port, appPort }) => [port, appPort])
    .filter((port) => port > 0);
  const free = await Promise.all(ports.map((port) => isFree(port)));
  expect(ports.filter((_, index) => !free[index])).toEqual([]);
}
