import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { inProject } from '../../scripts/start/project.mjs';
import { findCli, findRuntime } from '../../scripts/start/runtime.mjs';
import { until } from '../harness/until';
import { processesIn } from './processes';

// How a system that was started by plain `dapr run -f` is stopped. Its two services here are scripts that
// write down what they do when they are stopped.

const APPS = ['one', 'two'];
const END_MS = 15_000;

/** Has work in hand when it is stopped, which needs its sidecar. */
const SERVICE = `
const { appendFileSync } = require('node:fs');
const note = (text) => appendFileSync(process.env.NOTES, process.env.APP_ID + ' ' + text + '\\n');
const sidecar = () =>
  fetch('http://127.0.0.1:' + process.env.DAPR_HTTP_PORT + '/v1.0/healthz/outbound').then(
    ({ status }) => (status < 300 ? 'with' : 'without'),
    () => 'without',
  );
const alive = setInterval(() => {}, 1000);
process.on('SIGTERM', async () => {
  note('finishes ' + (await sidecar()) + ' its sidecar');
  clearInterval(alive);
});
note('runs');
`;

let folder: string;
let cli: ChildProcess | undefined;
let exited: Promise<unknown>;

const notes = () => (existsSync(file('notes')) ? readFileSync(file('notes'), 'utf8') : '');
const file = (name: string) => join(folder, name);
const running = () => processesIn(folder).map(({ command }) => command);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'omnichannel-stop-'));
  const { bin } = await findRuntime();
  mkdirSync(file('home/.dapr/components'), { recursive: true });
  symlinkSync(bin, file('home/.dapr/bin'));
  writeFileSync(file('home/.dapr/config.yaml'), 'kind: Configuration\nspec: {}\n');
  mkdirSync(file('resources'));
  writeFileSync(file('service.cjs'), SERVICE);
  cpSync(inProject('components', 'sidecars', 'product.yaml'), file('configuration.yaml'));
  const app = (appID: string) => ({
    appID,
    appDirPath: '.',
    command: ['node', 'service.cjs'],
    env: { NOTES: file('notes') },
  });
  const common = { resourcesPaths: ['resources'], configFilePath: 'configuration.yaml' };
  writeFileSync(file('dapr.yaml'), stringify({ version: 1, common, apps: APPS.map(app) }));
  mkdirSync(file('data'));
  cli = spawn(findCli(), ['run', '-f', 'dapr.yaml'], {
    cwd: folder,
    env: { ...process.env, DAPR_RUNTIME_PATH: file('home'), DAPR_HOST_IP: '127.0.0.1' },
    detached: true,
    stdio: 'ignore',
  });
  exited = new Promise((resolve) => cli?.once('exit', resolve));
  await until('both services', () => APPS.every((app) => notes().includes(`${app} runs`)), 60_000);
  await until('both sidecars', () => running().filter((it) => it.includes('daprd ')).length === 2);
});

afterEach(() => {
  if (cli?.pid !== undefined && running().length > 0) process.kill(-cli.pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const stop = promisify(execFile);

test('npm stop lets the services finish while they have their sidecars, and leaves nothing running', async () => {
  const { stdout } = await stop('node', [
    inProject('scripts', 'stop.mjs'),
    '--run-file',
    file('dapr.yaml'),
  ]);
  expect(stdout).toBe(`Stopped: dapr run -f ${file('dapr.yaml')}.\n`);
  await exited;
  expect(running()).toEqual([]);
  for (const app of APPS) expect(notes()).toContain(`${app} finishes with its sidecar`);
});

test('SIGTERM to the dapr command ends everything in time, as a kill of all processes does', async () => {
  process.kill(cli?.pid ?? 0, 'SIGTERM');
  await exited;
  await until('the end of all processes', () => running().length === 0, END_MS);
});

test('npm stop touches nothing else', async () => {
  const other = mkdtempSync(join(tmpdir(), 'omnichannel-other-'));
  cpSync(file('dapr.yaml'), join(other, 'dapr.yaml'));
  const { stdout } = await stop('node', [
    inProject('scripts', 'stop.mjs'),
    '--run-file',
    join(other, 'dapr.yaml'),
  ]);
  rmSync(other, { recursive: true });
  expect(stdout).toBe('Nothing is running.\n');
  expect(running().length).toBeGreaterThan(0);
});
