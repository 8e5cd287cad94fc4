import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { inProject } from '../../scripts/start/project.mjs';
import { type Block, blocksCheckedIn, blocksOf, handlingOf } from '../architecture/guides';
import { documents } from '../architecture/tree';
import { until } from '../harness/until';
import { Clone } from './clone';
import { processesIn } from './processes';

// The commands of the documents, as a reader runs them: in a clone of the last commit, beside `npm start`. Then
// what happens to the demo and its devices meanwhile.

const START_MS = 180_000;
const PATIENCE_MS = 60_000;

const Accounts = z.looseObject({
  admin: z.object({ email: z.string(), password: z.string() }),
});

const DEVICE = 'demo-shelf-0';

let clone: Clone;

beforeAll(async () => {
  clone = await Clone.open();
  // people sign in less often than this test
  clone.type('npm', ['start'], { LIMITS_FILE: inProject('test', 'harness', 'limits.json') });
  await clone.printed('Press Ctrl-C to stop.', START_MS);
}, START_MS);

afterAll(() => {
  clone.close();
});

const text = ({ lines }: Block) => lines.map((line) => line.trimStart()).join('\n');
const named = ({ document, line, lines }: Block) => `${document}:${line} ${lines[0] ?? ''}`;

/** Without what differs each time: ids, times, durations, sizes. */
const shapeOf = (line: string) =>
  line
    .replace(/\d\d:\d\d:\d\d\.\d{3}/, '<time>')
    .replace(/order_[\w-]+/, '<order>')
    .replace(/ *\d+ ms$/, ' <ms>')
    .replace(/\d+(?:\.\d+)? (?:s|GB)\b/g, '<measured>')
    .replace(/(\d+ min )<measured>/, '<measured>');

describe('what a document shows is what the commands print', () => {
  const blocks = blocksCheckedIn(documents(), 'test/start/documents.test.ts').map((it) => ({
    ...it,
    where: named(it.block),
  }));

  test.each(blocks.filter(({ checker }) => checker === 'output of npm start'))(
    '$where',
    ({ block }) => {
      const printed = clone.output.split('\n').map(shapeOf);
      const shown = block.lines.filter((line) => !['', '  ...'].includes(line)).map(shapeOf);
      expect(shown.filter((line) => !printed.includes(line))).toEqual([]);
    },
  );

  test.each(blocks.filter(({ checker }) => checker === 'mosquitto settings'))(
    '$where',
    async ({ block }) => {
      const settings = join(clone.folder, 'mosquitto-of-the-document.conf');
      const accounts = join(clone.folder, '.local', 'mosquitto', 'accounts');
      const [devices, platform] = [11_883, 11_884];
      const lines = text(block)
        .replaceAll('/etc/mosquitto/devices', accounts)
        .replace('listener 1883', `listener ${devices}`)
        .replace('listener 1884', `listener ${platform}`);
      const listener = lines.includes('listener') ? '' : `listener ${devices}\n`;
      writeFileSync(settings, `user root\n${listener}${lines}\n`);
      const { output } = await clone.run('timeout', ['2', 'mosquitto', '-v', '-c', settings]);
      expect(output).toMatch(/mosquitto version \S+ running/);
      expect(output).not.toMatch(/Error|Unknown/);
    },
  );
});

describe('the commands of the documents run beside npm start', () => {
  const blocks = blocksOf(documents()).filter((block) => handlingOf(block)?.how === 'run');

  test.each(blocks.map((block) => ({ where: named(block), block })))(
    '$where',
    async ({ block }) => {
      const [, orderId = ''] = /(order_[\w-]+) confirmed/.exec(clone.output) ?? [];
      const more = handlingOf(block);
      const further = more?.how === 'run' && more.text !== '' ? ` ${more.text}` : '';
      const script = text(block)
        .replaceAll('<orderId>', orderId)
        .replaceAll(/^(npm .*)$/gm, `$1${further}`);
      // the packages of the clone are those of this project
      expect(script).not.toMatch(/npm (ci|install)/);
      const { code, output } = await clone.run('bash', ['-eo', 'pipefail', '-c', script], {
        CI: '1',
      });
      if (code !== 0) throw new Error(`${script}\nended with ${code}:\n${output}`);
      expectClaims(block, output);
    },
    5 * PATIENCE_MS,
  );
});

/** What a reader expects of the output. */
function expectClaims({ lines }: Block, output: string): void {
  const all = lines.join('\n');
  if (all.includes('curl')) {
    // each response is one line of JSON
    const responses = output.split(/\n|(?<=\})(?=\{)/).filter((line) => line.startsWith('{'));
    expect(responses.length).toBeGreaterThan(0);
    expect(output).not.toMatch(/"error"|"success":false/);
  }
  if (all.includes('$api/orders')) {
    expect(output).toContain('"status":"confirmed"');
    expect(output).toContain('"step":"charge"');
  }
  if (all.includes('npm run status'))
    expect(output).toMatch(/^healthy\n(?: {2}\S+ +healthy .*\n){10}/m);
  if (all.includes('npm run story')) expect(output).toMatch(/charge +done.*\n[^]*order\.confirmed/);
  if (all.includes('npm test')) {
    const commands = lines.filter((line) => line.includes('npm test')).length;
    expect(output.match(/\.test\.ts$/gm)?.length ?? 0).toBeGreaterThanOrEqual(commands);
  }
  if (all.includes('simulate --'))
    expect(output).toContain('✓ stock, money, refusals and presence');
  if (all.includes('simulate:faults')) expect(output).toContain('violations: 0');
}

describe('commands print facts about the running system', () => {
  test.each([
    ['status', [], /"status": "healthy"/],
    ['deadletters', [], /"waiting": \[\],\n {2}"deadLetters": \[\]/],
  ])('npm run %s has JSON for scripts', async (name, args, expected) => {
    const words = ['run', '--silent', name, '--', '--json', ...args];
    const { code, output } = await clone.run('npm', words);
    expect(output).toMatch(expected);
    expect(() => JSON.parse(output) as unknown).not.toThrow();
    expect(code).toBe(0);
  });

  test('npm run deadletters asks all services', async () => {
    const { code, output } = await clone.run('npm', ['run', '--silent', 'deadletters']);
    expect({ code, output }).toEqual({ code: 0, output: 'No dead letters.\n' });
  });

  test('a command leaves no session of the admin open', async () => {
    const token = await signInAsAdmin();
    const sessions = async () => {
      const { output } = await curl('GET', '/users/sessions', token);
      return z.object({ data: z.object({ items: z.array(z.unknown()) }) }).parse(JSON.parse(output))
        .data.items.length;
    };
    const before = await sessions();
    for (const name of ['deadletters', 'deadletters']) {
      await clone.run('npm', ['run', '--silent', name]);
    }
    expect(await sessions()).toBe(before);
  });

  test.each([
    ['story', ['order_unknown'], /GET \/api\/v1\/orders\/order_unknown\/story failed with 404/],
    ['deadletters', ['show', 'order', 'x'], /failed with 404/],
  ])('npm run %s says what is wrong', async (name, args, expected) => {
    const { code, output } = await clone.run('npm', ['run', '--silent', name, '--', ...args]);
    expect(output).toMatch(expected);
    expect(output).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
  });
});

describe('the demo devices are guests', () => {
  test('they go on while the admin signs in more often than there may be sessions', async () => {
    const [before] = fleet();
    for (let time = 0; time < 12; time++) await signInAsAdmin();
    // the account that copies device accounts to the broker goes on as well
    const { code, output } = await clone.run('node', [
      ...['--import', './scripts/typescript.mjs', 'test/start/newcomer.ts'],
    ]);
    expect({ code, output }).toMatchObject({ code: 0 });
    await untilActive();
    expect(fleet()).toEqual([before]);
    expect(clone.output).not.toContain('Restarting devices');
    expect(clone.hasEnded).toBe(false);
  });

  test('they have accounts of their own, and no password of the admin', () => {
    const [env] = processesIn(clone.folder)
      .filter(({ command }) => command.includes('device-fleet'))
      .map((it) => it.env);
    expect(Object.keys(env ?? {})).not.toContain('ADMIN_PASSWORD');
    expect(readFileSync(join(clone.folder, '.local', 'accounts.json'), 'utf8')).toContain(
      'fleetSeller',
    );
  });

  test('a killed process of the demo is reported and restarted, and the system goes on', async () => {
    const [before = 0] = fleet();
    process.kill(before, 'SIGKILL');
    await clone.printed(/! devices was ended by SIGKILL.*\n {2}The system goes on\. /, PATIENCE_MS);
    await clone.printed('Restarting devices in', PATIENCE_MS);
    await until('the restart', () => fleet().length === 1 && fleet()[0] !== before, PATIENCE_MS);
    await untilActive();
    const { code } = await clone.run('npm', ['run', '--silent', 'status']);
    expect(code).toBe(0);
    expect(clone.hasEnded).toBe(false);
  });
});

test('npm stop from another terminal stops everything', async () => {
  const { code, output } = await clone.run('npm', ['run', '--silent', 'stop', '--', '--json']);
  expect({ code, output }).toEqual({ code: 0, output: '{"stopped":["npm start"]}\n' });
  await until('the end of npm start', () => clone.hasEnded, PATIENCE_MS);
  expect(await clone.room?.processes()).toEqual(clone.room && []);
});

/** The process ids of the demo devices. */
function fleet(): number[] {
  return processesIn(clone.folder)
    .filter(({ command }) => command.includes('device-fleet/demo'))
    .map(({ pid }) => pid);
}

/** Waits until a device has reported something after this moment. */
async function untilActive(): Promise<void> {
  const from = Date.now();
  const token = await signInAsAdmin();
  const Presence = z.object({ data: z.object({ lastSeen: z.iso.datetime() }) });
  await until(
    'a report of a device',
    async () => {
      const { output } = await curl('GET', `/devices/${DEVICE}/presence`, token);
      return Date.parse(Presence.parse(JSON.parse(output)).data.lastSeen) > from;
    },
    2 * PATIENCE_MS,
  );
}

const admin = () =>
  Accounts.parse(JSON.parse(readFileSync(join(clone.folder, '.local', 'accounts.json'), 'utf8')))
    .admin;
const API = 'http://127.0.0.1:4000/api/v1';

/** An access token. */
async function signInAsAdmin(): Promise<string> {
  const SignedIn = z.object({ data: z.object({ token: z.string() }) });
  // on a busy machine it may be answered 503 once
  return until('a sign-in', async () => {
    const { output } = await curl('POST', '/auth/login', '', JSON.stringify(admin()));
    const { data } = SignedIn.safeParse(JSON.parse(output));
    if (data === undefined) throw new Error(output);
    return data.data.token;
  });
}

function curl(method: string, path: string, token: string, body = '') {
  return clone.run('curl', [
    ...['-s', '-X', method, `${API}${path}`, '-H', 'content-type: application/json'],
    ...(token === '' ? [] : ['-H', `authorization: Bearer ${token}`]),
    ...(body === '' ? [] : ['-d', body]),
  ]);
}
