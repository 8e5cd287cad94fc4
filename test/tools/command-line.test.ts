import { expect, jest, test } from '@jest/globals';
import {
  UsageError,
  choice,
  flag,
  helpOf,
  list,
  number,
  parseCommand,
  text,
} from '../../scripts/start/command-line.mjs';

const COMMAND = {
  about: 'npm run sample does something.',
  usage: 'npm run sample [-- <part> ...]',
  positionals: { name: 'part', of: ['one', 'two'] },
  options: {
    count: number('how many', { default: 5, min: 1, max: 10 }),
    bus: choice('the broker', ['redis', 'kafka']),
    out: text('where to write', 'folder'),
    only: list('these alone', 'name'),
    quick: flag('less of it'),
  },
  failsIf: 'nothing was done',
} as const;

test('options without a value have their default', () => {
  expect(parseCommand(COMMAND, [])).toEqual({
    options: { count: 5, bus: undefined, out: undefined, only: [], quick: false },
    positionals: [],
  });
});

test('options have the type that they are declared with', () => {
  const args = 'two --count 7 --bus=kafka --out here --only a --only b --quick'.split(' ');
  expect(parseCommand(COMMAND, args)).toEqual({
    options: { count: 7, bus: 'kafka', out: 'here', only: ['a', 'b'], quick: true },
    positionals: ['two'],
  });
});

test.each([
  ['--count seven', '--count must be a number from 1 to 10, not seven'],
  ['--count 11', '--count must be a number from 1 to 10, not 11'],
  ['--count=', '--count must be a number from 1 to 10, not empty'],
  ['--bus amqp', '--bus must be one of redis, kafka, not amqp'],
  ['--cuont 7', "Unknown option '--cuont'. See --help."],
  ['--out', "Option '--out <value>' argument missing. See --help."],
  ['three', 'There is no part "three": choose from one, two'],
])('%s is refused with an error that names it', (args, message) => {
  const parse = () => parseCommand(COMMAND, args.split(' '));
  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(message);
});

test('a command without arguments refuses one', () => {
  const { positionals, ...command } = COMMAND;
  expect(positionals.name).toBe('part');
  expect(() => parseCommand(command, ['one'])).toThrow(UsageError);
});

test('--help prints each option with its meaning and its default', () => {
  const log = jest.spyOn(console, 'log').mockReturnValue();
  expect(parseCommand(COMMAND, ['--help'])).toBeUndefined();
  expect(log.mock.calls).toEqual([[helpOf(COMMAND)]]);
  expect(helpOf(COMMAND)).toBe(`npm run sample does something.

npm run sample [-- <part> ...]

Options:
  --count <number>  how many (default: 5)
  --bus <name>      the broker: redis, kafka
  --out <folder>    where to write
  --only <name>     these alone
  --quick           less of it
  --help            show this help

Exit codes:
  0  done
  1  nothing was done
  2  the command line is wrong`);
});
