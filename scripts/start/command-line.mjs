// @ts-check
// The command line of each command, read by node:util parseArgs: each option has a type, a line in --help, and
// an error that names it.
import { parseArgs } from 'node:util';
import { UserError, reportError } from './user-error.mjs';

/**
 * `defaultText`: in the help, in place of the number: `random`. `value` and `name`: what it is, in the help:
 * `folder`. `of` of positionals: the only values; without it the command checks them itself.
 * @typedef {{ kind: 'number', help: string, default: number, defaultText?: string, min: number, max?: number }} NumberOption
 * @typedef {{ kind: 'text', help: string, value: string }} TextOption
 * @typedef {{ kind: 'list', help: string, value: string }} ListOption
 * @typedef {{ kind: 'flag', help: string }} FlagOption
 */

/**
 * @template {string} T
 * @typedef {{ kind: 'choice', help: string, of: readonly T[] }} ChoiceOption
 */

/** @typedef {NumberOption | ChoiceOption<string> | TextOption | ListOption | FlagOption} Option */

/**
 * @template O
 * @typedef {O extends NumberOption ? number
 *   : O extends ChoiceOption<infer T> ? T | undefined
 *   : O extends TextOption ? string | undefined
 *   : O extends ListOption ? string[]
 *   : boolean} ValueOf
 */

/**
 * A command. `about`: what it does, in a sentence that begins with its name. `usage`: how it is called; one line
 * for each way. `failsIf`: when its exit code is 1. `exitCodes`: what others mean, if not what they mean everywhere. `notes`: more text at the end of
 * the help.
 * @template {Readonly<Record<string, Option>>} O
 * @typedef {{
 *   readonly about: string,
 *   readonly usage: string,
 *   readonly positionals?: { readonly name: string, readonly of?: readonly string[] },
 *   readonly options: O,
 *   readonly failsIf: string,
 *   readonly exitCodes?: Readonly<Record<number, string>>,
 *   readonly notes?: string,
 * }} Command
 */

/**
 * @template {Readonly<Record<string, Option>>} O
 * @typedef {{
 *   readonly options: { readonly [K in keyof O]: ValueOf<O[K]> },
 *   readonly positionals: readonly string[],
 * }} Parsed
 */

/** The exit codes of every command. */
export const EXIT = /** @type {const} */ ({ done: 0, failed: 1, usage: 2 });

/** A command line that is wrong; its message names the option. */
export class UsageError extends UserError {}

/**
 * A number from `min` to `max`.
 * @param {string} help
 * @param {Omit<NumberOption, 'kind' | 'help'>} range
 * @returns {NumberOption}
 */
export const number = (help, range) => ({ kind: 'number', help, ...range });

/**
 * A seed, at random unless it is given.
 * @param {string} help
 * @returns {NumberOption}
 */
export const seed = (help) =>
  number(help, {
    default: Math.floor(Math.random() * 2 ** 31),
    defaultText: 'random',
    min: 0,
    max: 2 ** 31,
  });

/**
 * One of these names, or undefined.
 * @template {string} T
 * @param {string} help
 * @param {readonly T[]} of
 * @returns {ChoiceOption<T>}
 */
export const choice = (help, of) => ({ kind: 'choice', help, of });

/**
 * @param {string} help
 * @param {string} value
 * @returns {TextOption}
 */
export const text = (help, value) => ({ kind: 'text', help, value });

/**
 * May be given several times.
 * @param {string} help
 * @param {string} value
 * @returns {ListOption}
 */
export const list = (help, value) => ({ kind: 'list', help, value });

/**
 * @param {string} help
 * @returns {FlagOption}
 */
export const flag = (help) => ({ kind: 'flag', help });

/** For a command that prints facts. */
export const json = flag('print JSON, for scripts');

/**
 * Runs a command: prints its help, or calls `main`, whose result is the exit code (0 by default). A wrong command
 * line is 2; an error is 1, with its message.
 * @template {Readonly<Record<string, Option>>} O
 * @param {Command<O>} command
 * @param {(parsed: Parsed<O>) => Promise<number | void>} main
 */
export function runCommand(command, main) {
  runMain(async () => {
    const parsed = parseCommand(command);
    return parsed === undefined ? EXIT.done : await main(parsed);
  });
}

/**
 * Runs a program: the result is its exit code, 0 by default.
 * @param {() => Promise<number | void>} main
 */
export function runMain(main) {
  main().then(
    (code) => process.exit(code ?? EXIT.done),
    (error) => {
      reportError(error);
      process.exit(error instanceof UsageError ? EXIT.usage : EXIT.failed);
    },
  );
}

/**
 * The options of a command line; undefined where it asks for help, which is printed.
 * @template {Readonly<Record<string, Option>>} O
 * @param {Command<O>} command
 * @param {readonly string[]} [args]
 * @returns {Parsed<O> | undefined}
 */
export function parseCommand(command, args = process.argv.slice(2)) {
  /** @type {NonNullable<import('node:util').ParseArgsConfig['options']>} */
  const config = { help: { type: 'boolean', short: 'h' } };
  for (const [name, option] of Object.entries(command.options)) {
    config[name] = {
      type: option.kind === 'flag' ? 'boolean' : 'string',
      multiple: option.kind === 'list',
    };
  }
  const { values, positionals } = parsed(config, args);
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, option]) => [
      name,
      valueOf(name, option, values[name]),
    ]),
  );
  checkPositionals(command, positionals);
  // after the checks, so that the options of a command in a document can be checked without running it
  if (values.help === true) {
    console.log(helpOf(command));
    return undefined;
  }
  // each value was made by its option
  return { options: /** @type {Parsed<O>['options']} */ (options), positionals };
}

/**
 * @param {NonNullable<import('node:util').ParseArgsConfig['options']>} options
 * @param {readonly string[]} args
 */
function parsed(options, args) {
  try {
    return parseArgs({ options, args: [...args], allowPositionals: true });
  } catch (error) {
    // parseArgs throws nothing else
    const [message = ''] = /** @type {Error} */ (error).message.split('. ');
    throw new UsageError(`${message}. See --help.`);
  }
}

/**
 * @param {string} name
 * @param {Option} option
 * @param {string | boolean | (string | boolean)[] | undefined} given
 * @returns {unknown}
 */
function valueOf(name, option, given) {
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

/**
 * @param {string} name
 * @param {ChoiceOption<string>} option
 * @param {string} given
 */
function choiceOf(name, { of }, given) {
  if (of.includes(given)) return given;
  throw new UsageError(`--${name} must be one of ${of.join(', ')}, not ${given}`);
}

/**
 * @param {string} name
 * @param {NumberOption} option
 * @param {string} given
 */
function numberOf(name, { min, max = Infinity }, given) {
  const value = Number(given);
  if (given.trim() !== '' && value >= min && value <= max) return value;
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new UsageError(`--${name} must be a number ${range}, not ${given || 'empty'}`);
}

/**
 * @param {Pick<Command<{}>, 'positionals'>} command
 * @param {readonly string[]} given
 */
function checkPositionals({ positionals }, given) {
  if (positionals === undefined && given.length > 0) {
    throw new UsageError(`Unexpected argument '${given.join(' ')}'. See --help.`);
  }
  const unknown = given.find((one) => positionals?.of?.includes(one) === false);
  if (unknown !== undefined) {
    const known = positionals?.of?.join(', ');
    throw new UsageError(`There is no ${positionals?.name} "${unknown}": choose from ${known}`);
  }
}

/**
 * The text of --help.
 * @param {Command<Readonly<Record<string, Option>>>} command
 */
export function helpOf({ about, usage, options, failsIf, exitCodes, notes }) {
  const rows = Object.entries(options).map(
    /** @returns {[string, string]} */ ([name, option]) => [
      `--${name}${placeholder(option)}`,
      `${option.help}${defaultOf(option)}`,
    ],
  );
  rows.push(['--help', 'show this help']);
  const codes = {
    [EXIT.done]: 'done',
    [EXIT.failed]: failsIf,
    [EXIT.usage]: 'the command line is wrong',
    ...exitCodes,
  };
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    about,
    '',
    usage,
    '',
    'Options:',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    '',
    'Exit codes:',
    ...Object.entries(codes).map(([code, meaning]) => `  ${code}  ${meaning}`),
    ...(notes === undefined ? [] : ['', notes]),
  ].join('\n');
}

/** @param {Option} option */
function placeholder(option) {
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

/** @param {Option} option */
function defaultOf(option) {
  if (option.kind === 'choice') return `: ${option.of.join(', ')}`;
  return option.kind === 'number' ? ` (default: ${option.defaultText ?? option.default})` : '';
}
