import { describe, expect, test } from '@jest/globals';
import { Terminal } from '../../scripts/start/terminal.mjs';

/** A screen that understands what the terminal writes: lines, "to the start of n lines above", "clear below". */
class Screen {
  readonly isTTY: boolean = true;
  readonly columns: number = 40;
  readonly rows: number = 10;
  lines: string[] = [];

  on(): this {
    return this;
  }

  write(text: string): boolean {
    // the escape character starts the two control sequences
    for (const [, up, line] of text.matchAll(/\u001b\[(\d+)F\u001b\[J|([^\n\u001b]*)\n/g)) {
      if (up !== undefined) this.lines.splice(this.lines.length - Number(up));
      else this.lines.push(line ?? '');
    }
    return true;
  }
}

const withoutTimes = (lines: readonly string[]) =>
  lines.map((line) => line.replace(/ \([\d.]+ s\)/, ''));

const terminalOn = (screen: Screen, env: NodeJS.ProcessEnv = {}) =>
  // a screen is all that it uses of a stream
  new Terminal(screen as unknown as NodeJS.WriteStream, env);

describe('on a terminal', () => {
  test('the steps that run are one block, in which each line is rewritten in its place', () => {
    const screen = new Screen();
    const terminal = terminalOn(screen);
    const [user, order, gateway] = ['user', 'order', 'gateway'].map((it) => terminal.step(it));
    order?.done('ready');
    expect(withoutTimes(screen.lines)).toEqual(['  … user', '  ✓ order: ready', '  … gateway']);
    user?.done('ready');
    gateway?.note('no response');
    gateway?.done('ready');
    expect(withoutTimes(screen.lines)).toEqual([
      '  ✓ user: ready',
      '  ✓ order: ready',
      '  ✓ gateway: ready',
    ]);
  });

  test('what is printed meanwhile stands above the block', () => {
    const screen = new Screen();
    const terminal = terminalOn(screen);
    const step = terminal.step('user');
    terminal.print('! payment was ended');
    expect(withoutTimes(screen.lines)).toEqual(['! payment was ended', '  … user']);
    step.fail();
    expect(screen.lines).toHaveLength(2);
    expect(screen.lines[1]).toMatch(/ {2}✗ user: failed after/);
  });

  test('a line that is too long is cut, as it would take two lines of the screen', () => {
    const screen = new Screen();
    const step = terminalOn(screen).step('user');
    step.note('x'.repeat(100));
    terminalOn(screen).step('other');
    expect(screen.lines.every((line) => line.length < screen.columns)).toBe(true);
  });

  test('a block that is higher than the screen shows its last lines', () => {
    const screen = new Screen();
    const terminal = terminalOn(screen);
    const steps = Array.from({ length: 12 }, (_, at) => terminal.step(`app ${at}`));
    expect(withoutTimes(screen.lines)).toEqual(
      Array.from({ length: 9 }, (_, at) => `  … app ${at + 3}`),
    );
    for (const step of steps) step.done('ready');
    expect(screen.lines).toHaveLength(12);
  });

  test('an interrupted step keeps its line, and ends without another one', () => {
    const screen = new Screen();
    const terminal = terminalOn(screen);
    const step = terminal.step('user');
    terminal.interrupt();
    step.done('ready');
    terminal.print('Stopping');
    expect(withoutTimes(screen.lines)).toEqual(['  … user', 'Stopping']);
  });
});

test.each([
  ['a file', { isTTY: false }, {}],
  ['a terminal with NO_COLOR', {}, { NO_COLOR: '1' }],
  ['a terminal with CI', {}, { CI: '1' }],
])('on %s each step is one line when it ends, and nothing is rewritten', (_, kind, env) => {
  const screen = Object.assign(new Screen(), kind);
  const terminal = terminalOn(screen, env);
  const first = terminal.step('user');
  const second = terminal.step('order');
  second.done('ready');
  first.warn('slow');
  expect(withoutTimes(screen.lines)).toEqual(['  ✓ order: ready', '  ! user: slow']);
});
