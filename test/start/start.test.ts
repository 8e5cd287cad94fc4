import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { packagesAreStale } from '../../scripts/start/build.mjs';
import { isFree } from '../../scripts/start/ports.mjs';
import { inProject, readApps, root } from '../../scripts/start/project.mjs';
import { findInstalledRuntime, runtimeIsStale } from '../../scripts/start/runtime.mjs';
import { until } from '../harness/until';
import { Room } from './room';

// `npm start` in a clone of the last commit, as a user types it. Packages and the built Dapr are linked
// from this project, as making them takes ten minutes; everything else is made in the clone.

const START_MS = 180_000;

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
  start = spawn(command, args, { cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
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
  await said('confirmed (', START_MS);
  await until('the end of npm start', ended, 60_000);
  expect(output).toMatch(/^Stopped: dapr run, .*RabbitMQ with MQTT, PostgreSQL, Kafka\.$/m);
  expect(start.exitCode).toBe(0);
  expect(await room?.processes()).toEqual(room && []);
});

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
