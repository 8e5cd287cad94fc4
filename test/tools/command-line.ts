import { type ParseArgsConfig, parseArgs } from 'node:util';

// The options of a command, read by node:util parseArgs: each has a type, a line in --help, and an
// error that names it.

interface NumberOption {
  readonly kind: 'number';
  readonly help: string;
  readonly default: number;
  /** In the help, in place of the number: `random`. */
  readonly defaultText?: string;
  readonly min: number;
  readonly max?: number;
}

interface ChoiceOption<T extends string> {
  readonly kind: 'choice';
  readonly help: string;
  readonly of: readonly T[];
}

interface TextOption {
  readonly kind: 'text';
  readonly help: string;
  /** What the value is, in the help: `folder`. */
  readonly value: string;
}

interface ListOption {
  readonly kind: 'list';
  readonly help: string;
  readonly value: string;
}

interface FlagOption {
  readonly kind: 'flag';
  readonly help: string;
}

type Option = NumberOption | ChoiceOption<string> | TextOption | ListOption | FlagOption;

type ValueOf<O> = O extends NumberOption
  ? number
  : O extends ChoiceOption<infer T>
    ? T | undefined
    : O extends TextOption
      ? string | undefined
      : O extends ListOption
        ? string[]
        : boolean;

/** A command line that is wrong; its message names the option. */
export class UsageError extends Error {}

/** A number from `min` to `max`. */
export const number = (help: string, range: Omit<NumberOption, 'kind' | 'help'>): NumberOption => ({
  kind: 'number',
  help,
  ...range,
});

/** A seed, at random unless it is given. */
export const seed = (help: string): NumberOption =>
  number(help, {
    default: Math.floor(Math.random() * 2 ** 31),
    defaultText: 'random',
    min: 0,
    max: 2 ** 31,
  });

/** One of these names, or undefined. */
export const choice = <T extends string>(help: string, of: readonly T[]): ChoiceOption<T> => ({
  kind: 'choice',
  help,
  of,
});

export const text = (help: string, value: string): TextOption => ({ kind: 'text', help, value });

/** May be given several times. */
export const list = (help: string, value: string): ListOption => ({ kind: 'list', help, value });

export const flag = (help: string): FlagOption => ({ kind: 'flag', help });

export interface Command<O extends Readonly<Record<string, Option>>> {
  /** What it does, in a sentence that begins with its name. */
  readonly about: string;
  /** How it is called; one line for each way. */
  readonly usage: string;
  /** The arguments that it takes; none if absent. Without `of` the command checks them itself. */
  readonly positionals?: { readonly name: string; readonly of?: readonly string[] };
  readonly options: O;
  /** More text at the end of the help. */
  readonly notes?: string;
}

export interface Parsed<O> {
  readonly options: { readonly [K in keyof O]: ValueOf<O[K]> };
  readonly positionals: readonly string[];
}

/** The options of a command line; undefined where it asks for help, which is printed. */
export function parseCommand<O extends Readonly<Record<string, Option>>>(
  command: Command<O>,
  args: readonly string[] = process.argv.slice(2),
): Parsed<O> | undefined {
  const config: NonNullable<ParseArgsConfig['options']> = {
    help: { type: 'boolean', short: 'h' },
  };
  for (const [name, option] of Object.entries(command.options)) {
    config[name] = {
      type: option.kind === 'flag' ? 'boolean' : 'string',
      multiple: option.kind === 'list',
    };
  }
  const { values, positionals } = parsed(config, args);
  if (values['help'] === true) {
    console.log(helpOf(command));
    return undefined;
  }
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, option]) => [
      name,
      valueOf(name, option, values[name]),
    ]),
  );
  checkPositionals(command, positionals);
  // each value was made by its option
  return { options: options as Parsed<O>['options'], positionals };
}

function parsed(options: NonNullable<ParseArgsConfig['options']>, args: readonly string[]) {
  try {
    return parseArgs({ options, args: [...args], allowPositionals: true });
  } catch (error) {
    // parseArgs throws nothing else
    const [message = ''] = (error as Error).message.split('. ');
    throw new UsageError(`${message}. See --help.`, { cause: error });
  }
}

type Given = string | boolean | (string | boolean)[] | undefined;

function valueOf(name: string, option: Option, given: Given): unknown {
  switch (option.kind) {
    case 'flag':
      return given === true;
    case 'list':
      return given ?? [];
    case 'text':
      return given;
    case 'choice':
      return given === undefined ? undefined : choiceOf(name, option, String(given));
    case 'number':
      return given === undefined ? option.default : numberOf(name, option, String(given));
  }
}

function choiceOf(name: string, { of }: ChoiceOption<string>, given: string): string {
  if (of.includes(given)) return given;
  throw new UsageError(`--${name} must be one of ${of.join(', ')}, not ${given}`);
}

function numberOf(name: string, { min, max = Infinity }: NumberOption, given: string): number {
  const value = Number(given);
  if (given.trim() !== '' && value >= min && value <= max) return value;
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new UsageError(`--${name} must be a number ${range}, not ${given || 'empty'}`);
}

function checkPositionals(
  { positionals }: Command<Readonly<Record<string, Option>>>,
  given: readonly string[],
): void {
  const unknown = given.find((one) => positionals?.of?.includes(one) === false);
  if (positionals === undefined && given.length > 0) {
    throw new UsageError(`Unexpected argument '${given.join(' ')}'. See --help.`);
  }
  if (unknown !== undefined) {
    const known = positionals?.of?.join(', ');
    throw new UsageError(`There is no ${positionals?.name} "${unknown}": choose from ${known}`);
  }
}

/** The text of --help. */
export function helpOf(command: Command<Readonly<Record<string, Option>>>): string {
  const { about, usage, options, notes } = command;
  const rows = Object.entries(options).map(([name, option]): [string, string] => [
    `--${name}${placeholder(option)}`,
    `${option.help}${defaultOf(option)}`,
  ]);
  rows.push(['--help', 'show this help']);
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    about,
    '',
    usage,
    '',
    'Options:',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    ...(notes === undefined ? [] : ['', notes]),
  ].join('\n');
}

function placeholder(option: Option): string {
  switch (option.kind) {
    case 'flag':
      return '';
    case 'number':
      return ' <number>';
    case 'choice':
      return ' <name>';
    default:
      return ` <${option.value}>`;
  }
}

function defaultOf(option: Option): string {
  if (option.kind === 'choice') return `: ${option.of.join(', ')}`;
  return option.kind === 'number' ? ` (default: ${option.defaultText ?? option.default})` : '';
}

/** Runs a command: its result is the exit code; a wrong command line or an error is 1 with a message. */
export function runCommand(main: () => Promise<number>): void {
  main().then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(messageOf(error));
      process.exit(1);
    },
  );
}

function messageOf(error: unknown): unknown {
  // a stack helps with a fault, not with a typing mistake
  return error instanceof UsageError ? error.message : error;
}

/** Aborts at the first SIGINT or SIGTERM, so that the command can clean up; the second one exits. */
export function interruption(): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(130);
      interrupted.abort();
    });
  }
  return interrupted.signal;
}
