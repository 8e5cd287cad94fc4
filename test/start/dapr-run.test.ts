import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { findProgram } from '../../scripts/start/commands.mjs';
import { inProject, readApps, root } from '../../scripts/start/project.mjs';
import { findCli, findRuntime } from '../../scripts/start/runtime.mjs';
import { until } from '../harness/until';
import { Room } from './room';

// `dapr run -f dapr.yaml` in a clone of the last commit, with a Dapr that is laid out as `dapr init --slim` does.
// Only Redis runs beside it.

const START_MS = 180_000;
/** The binding tries to connect every 20 s. */
const CONNECT_MS = 60_000;

const run = promisify(execFile);

let clone: string;
let home: string;
let room: Room | undefined;
let processes: ChildProcess[] = [];

beforeAll(async () => {
  clone = mkdtempSync(join(tmpdir(), 'omnichannel-dapr-run-'));
  home = mkdtempSync(join(tmpdir(), 'omnichannel-dapr-home-'));
  execFileSync('git', ['clone', '--quiet', root, clone]);
  symlinkSync(inProject('node_modules'), join(clone, 'node_modules'));
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: clone });
  const { bin } = await findRuntime();
  mkdirSync(join(home, '.dapr', 'bin'), { recursive: true });
  mkdirSync(join(home, '.dapr', 'components'));
  for (const name of ['daprd', 'placement', 'scheduler']) {
    symlinkSync(join(bin, name), join(home, '.dapr', 'bin', name));
  }
  writeFileSync(join(home, '.dapr', 'config.yaml'), 'kind: Configuration\nspec: {}\n');
  mkdirSync(join(home, 'bin'));
  symlinkSync(findCli(), join(home, 'bin', 'dapr'));
  room = await Room.open();
});

beforeEach(async () => {
  rmSync(join(clone, 'data', 'names.db'), { force: true });
  begin('redis-server', '--port', '6379', '--dir', home, '--save', '');
  await until('Redis', () => inside('redis-cli', 'ping'));
});

afterEach(async () => {
  await inside(process.execPath, 'scripts/stop.mjs');
  for (const { pid } of processes.reverse()) kill(pid);
  processes = [];
  if (room !== undefined) {
    await until('the end of all processes', async () => (await room?.processes())?.length === 0);
  }
});

afterAll(() => {
  room?.close();
  for (const folder of [clone, home]) rmSync(folder, { recursive: true, force: true });
});

function kill(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

/** As a user's shell, without any variable of this project. */
const env = () => ({
  HOME: home,
  PATH: `${join(home, 'bin')}:/usr/local/bin:/usr/bin:/bin:/usr/sbin`,
});

const command = (program: string, words: readonly string[]): [string, string[]] =>
  room?.inside(clone, findProgram(program) ?? program, ...words) ?? [program, [...words]];

/** Starts a process that keeps running. */
function begin(program: string, ...words: string[]): ChildProcess {
  return beginWith({}, program, ...words);
}

function beginWith(more: Record<string, string>, program: string, ...words: string[]) {
  const child = spawn(...command(program, words), {
    cwd: clone,
    env: { ...env(), ...more },
    detached: true,
    stdio: 'ignore',
  });
  processes.push(child);
  return child;
}

async function inside(program: string, ...words: string[]): Promise<string> {
  const { stdout } = await run(...command(program, words), { cwd: clone, env: env() });
  return stdout;
}

const curl = (...words: string[]) => inside('curl', '-s', ...words);
const API = 'http://127.0.0.1:4000/api/v1';
const post = async (path: string, body: object) =>
  JSON.parse(
    await curl(`${API}${path}`, '-H', 'content-type: application/json', '-d', JSON.stringify(body)),
  ) as { success: boolean; data?: { token?: string } };

const isReady = async (port: number) =>
  (await curl('-o', '/dev/null', '-w', '%{http_code}', `http://127.0.0.1:${port}/health/ready`)) ===
  '200';

async function allReady(): Promise<void> {
  const cli = processes.at(-1);
  for (const { id, port } of readApps()) {
    await until(
      id,
      async () => {
        if (cli?.exitCode !== null) throw new Error('dapr run has ended');
        return isReady(port);
      },
      START_MS,
    );
  }
}

/** A broker of devices that accepts every client, and notes what they do. */
function startMqttBroker(): string {
  const log = join(home, 'mosquitto.log');
  const settings = join(home, 'mosquitto.conf');
  const lines = ['listener 1883 127.0.0.1', 'allow_anonymous true', 'user root'];
  writeFileSync(settings, [...lines, `log_dest file ${log}`, 'log_type all', ''].join('\n'));
  writeFileSync(log, '');
  begin('mosquitto', '-c', settings);
  return log;
}

const subscribed = (log: string) =>
  until(
    'the subscription of iot-gateway',
    () => readFileSync(log, 'utf8').includes('retail/+/+/+ (QoS 1)'),
    CONNECT_MS,
  );

test('without a variable and without an MQTT broker everything but devices works, and devices as soon as there is one', async () => {
  begin(join(home, 'bin', 'dapr'), 'run', '-f', 'dapr.yaml');
  await allReady();
  const ada = { email: 'ada@example.com', password: 'correct horse battery' };
  expect(await post('/auth/register', { ...ada, name: 'Ada' })).toMatchObject({ success: true });
  expect((await post('/auth/login', ada)).data?.token).toEqual(expect.any(String));
  expect(JSON.parse(await curl(`${API}/products`))).toMatchObject({ success: true });
  const status = () => inside(process.execPath, 'scripts/status.mjs');
  expect(await status()).toContain('no MQTT broker responds on port 1883');

  const log = startMqttBroker();
  await subscribed(log);
  expect(await status()).not.toContain('MQTT');
});

test('with an MQTT broker and a first admin an order is confirmed', async () => {
  const log = startMqttBroker();
  const admin = { ADMIN_EMAIL: 'admin@example.com', ADMIN_PASSWORD: 'only for this one test' };
  beginWith(admin, join(home, 'bin', 'dapr'), 'run', '-f', 'dapr.yaml');
  await allReady();
  await subscribed(log);
  const program = `
    import { fillCatalogue, placeOrder } from './scripts/start/demo.mjs';
    const [product] = await fillCatalogue();
    console.log((await placeOrder(product.productId)).story.events.map(({ type }) => type).join());`;
  const assignments = Object.entries(admin).map(([name, value]) => `${name}=${value}`);
  const node = [process.execPath, '--input-type=module', '-e', program];
  expect(await inside('env', ...assignments, ...node)).toContain('order.confirmed');
});
