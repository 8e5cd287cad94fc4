import { describe, expect, test } from '@jest/globals';
import { documents } from '../architecture/tree';
import { callScript, helpOfCommand, scripts } from './commands';

// Every command of package.json, with its options. What they do is tested beside what they use, and in
// test/start/documents.test.ts.

const NAMES = Object.keys(scripts());
/** npm runs these without `run`. */
const SHORT = ['start', 'stop', 'test'];
/** It passes all other options to jest. */
const others = NAMES.filter((name) => name !== 'test');
/** These print facts. */
const FACTS = [
  ...['status', 'story', 'deadletters', 'stop', 'runtime', 'servers', 'audit', 'sbom'],
  ...['chaos', 'simulate', 'simulate:faults', 'conformance', 'fuzz', 'bench'],
];

describe.each(NAMES)('the command %s', (name) => {
  test('has a help with its options and exit codes', async () => {
    const { code, output } = await callScript(name, ['--help']);
    expect(code).toBe(0);
    expect(output).toMatch(new RegExp(`^npm ${SHORT.includes(name) ? '' : 'run '}${name} [a-z]`));
    expect(output).toMatch(/^Options:\n(?: {2}-.*\n)* {2}.*--help {2,}show this help/m);
    expect(output).toMatch(/^Exit codes:\n {2}0 {2}\S.*\n {2}1 {2}\S.*\n {2}2 {2}\S/m);
    expect(/^ {2}--json /m.test(output)).toBe(FACTS.includes(name));
  });
});

test.each(others)('%s refuses an unknown option, which it names', async (name) => {
  const { code, output } = await callScript(name, ['--no-such-option', '--help']);
  expect(output).toContain("Unknown option '--no-such-option'");
  expect(output).toContain('--help');
  expect(output).not.toMatch(/^\s+at /m);
  expect(code).toBe(2);
});

test.each([
  ['deadletters', ['lsit'], 'There is no command "lsit": choose from list, show, replay, discard'],
  ['deadletters', ['list', 'paymnt'], 'There is no service "paymnt": choose from user, '],
  ['deadletters', ['list', 'payment-provider-simulator'], 'There is no service "payment-provider'],
  ['deadletters', ['list', 'gateway'], 'There is no service "gateway"'],
  ['deadletters', ['list', 'order', 'x'], 'Name one service or none'],
  ['deadletters', ['show', 'order'], 'Name a service and the id of a dead letter'],
  ['deadletters', ['replay'], 'Name a service and the id of a dead letter'],
  ['deadletters', ['--all'], '--all is for replay, and --reason and --type are for --all'],
  ['deadletters', ['replay', 'order', '--reason', 'x'], '--all is for replay'],
  ['story', [], 'Name one order: npm run story -- <orderId>'],
  ['story', ['order_1', 'order_2'], 'Name one order'],
  ['status', ['all'], "Unexpected argument 'all'"],
  ['devices:accounts', [], 'Name a folder with --out, or a server with --rabbitmq'],
  ['devices:accounts', ['--out', 'x', '--every', '0'], '--every must be at least 1 second'],
  ['devices:accounts', ['--out', 'x', '--rabbitmq', 'http://x'], 'Name a folder with --out, or'],
  ['start', ['--bus'], "Option '--bus <value>' argument missing"],
  ['test', ['--quick', 'kit'], '--quick takes no other argument'],
])('%s %j is refused with what to do', async (name, args, message) => {
  const { code, output } = await callScript(name, args);
  expect(output).toContain(message);
  expect(output).not.toMatch(/^\s+at /m);
  expect(code).toBe(2);
});

test.each([
  ['status', []],
  ['story', ['order_1']],
  ['deadletters', []],
])('%s says what to do where nothing runs', async (name, args) => {
  process.env['GATEWAY_URL'] = 'http://127.0.0.1:9';
  try {
    const { code, output } = await callScript(name, args);
    expect(output).toContain('does not respond: run "npm start" first.');
    expect(output).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
  } finally {
    delete process.env['GATEWAY_URL'];
  }
});

describe('commands within the text of documents', () => {
  const inText = documents().flatMap(({ path, text }) =>
    [...text.matchAll(/`(npm (?:run )?[\w:]+(?: -- [^`]*)?)`/g)].map(([, line = '']) => ({
      path,
      line,
    })),
  );
  const known = [...new Set(inText.map(({ line }) => line))].filter((line) => line !== 'npm ci');

  test('name a script', () => {
    const names = known.map((line) => line.replace(/^npm (run )?/, '').split(' ')[0] ?? '');
    expect(names.filter((name) => !NAMES.includes(name))).toEqual([]);
  });

  // the arguments of `npm test` are those of jest
  const withOptions = known.filter((line) => / -- \S/.test(line) && !line.startsWith('npm test'));
  test.each(withOptions)('%s has options that are accepted', async (line) => {
    const { code, output } = await helpOfCommand(line);
    expect(output).toContain('Exit codes:');
    expect(code).toBe(0);
  });
});
