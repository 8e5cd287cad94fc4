import { Code, MicroserviceError } from '#kit/core/errors';
import { EdgeError } from './errors';

/** Limits of a JSON body, beside its size. No request comes near them. */
export const JSON_LIMITS = {
  /** Levels of objects and lists. */
  depth: 32,
  /** Values, those in lists and objects included. */
  values: 5_000,
  /** Keys of one object. */
  keys: 500,
  /** Characters of a key. */
  keyLength: 128,
} as const;

/**
 * Parses JSON. It is scanned first, so that a text beyond JSON_LIMITS is refused before anything is built
 * from it, and one that two parsers could read differently is refused at all: a key that appears twice in
 * an object, and a number that would be rounded. Throws 400, or INVALID_ARGUMENT for such a number.
 */
export function parseJson(text: string): unknown {
  new Scanner(text).scan();
  try {
    return JSON.parse(text);
  } catch {
    // its message repeats a part of the text
    throw new EdgeError(400, 'the body is not valid JSON');
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const SPACE = 0x20;
/** Where a number or a literal ends. */
const SCALAR = /[^\s,:[\]{}"]+/y;

/** An object or a list that is open. */
interface Level {
  /** Of an object. */
  readonly keys: Set<string> | undefined;
  /** The key, or the index, of the value that is being read. */
  at: string | number;
}

/** Walks over the tokens of a text. Whether they are in a valid order is left to JSON.parse. */
class Scanner {
  readonly #levels: Level[] = [];
  #values = 0;
  #at = 0;
  /** Whether the next string is a key. */
  #expectsKey = false;

  constructor(private readonly text: string) {}

  scan(): void {
    const { text } = this;
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at);
      if (code === QUOTE) this.#string();
      else if (code === COMMA) this.#comma();
      else if (code === OPEN_OBJECT || code === OPEN_LIST) this.#open(code === OPEN_OBJECT);
      else if (code === CLOSE_OBJECT || code === CLOSE_LIST) this.#close();
      else if (code === COLON || code <= SPACE) this.#at++;
      else this.#scalar();
    }
  }

  #open(isObject: boolean): void {
    this.#value();
    if (this.#levels.length === JSON_LIMITS.depth) {
      throw new EdgeError(400, `the body is nested deeper than ${JSON_LIMITS.depth} levels`);
    }
    this.#levels.push({ keys: isObject ? new Set() : undefined, at: 0 });
    this.#expectsKey = isObject;
    this.#at++;
  }

  #close(): void {
    this.#levels.pop();
    this.#expectsKey = false;
    this.#at++;
  }

  #comma(): void {
    const level = this.#levels.at(-1);
    this.#expectsKey = level?.keys !== undefined;
    if (typeof level?.at === 'number') level.at++;
    this.#at++;
  }

  #string(): void {
    const { text } = this;
    const begin = this.#at++;
    for (let code = 0; code !== QUOTE; this.#at++) {
      code = text.charCodeAt(this.#at);
      if (code === BACKSLASH) this.#at++;
      // NaN at the end of the text
      else if (!(code >= 0)) return;
    }
    if (this.#expectsKey) this.#key(begin);
    else this.#value();
  }

  #key(begin: number): void {
    this.#expectsKey = false;
    const level = this.#levels.at(-1);
    const { keys } = level ?? {};
    if (level === undefined || keys === undefined) return;
    const key = this.#decode(this.text.slice(begin, this.#at));
    level.at = key;
    if (key.length > JSON_LIMITS.keyLength) {
      throw new EdgeError(
        400,
        `the body has a key longer than ${JSON_LIMITS.keyLength} characters`,
      );
    }
    if (keys.has(key)) {
      const message = 'appears twice';
      const field = this.#path();
      throw new EdgeError(400, `${field} ${message}`, { fields: [{ field, message }] });
    }
    keys.add(key);
    if (keys.size > JSON_LIMITS.keys) {
      throw new EdgeError(400, `the body has an object with more than ${JSON_LIMITS.keys} keys`);
    }
  }

  /** A key without its escape sequences, by which one key could look like two. */
  #decode(quoted: string): string {
    if (!quoted.includes('\\')) return quoted.slice(1, -1);
    try {
      return String(JSON.parse(quoted));
    } catch {
      throw new EdgeError(400, 'the body is not valid JSON');
    }
  }

  #scalar(): void {
    SCALAR.lastIndex = this.#at;
    const [token = ' '] = SCALAR.exec(this.text) ?? [];
    this.#at += token.length;
    this.#value();
    if (/^-?\d/.test(token) && !isExact(token)) {
      const message = 'must be a number that is not rounded: send it as a string';
      const field = this.#path();
      const name = field === '' ? 'the body' : field;
      throw new MicroserviceError(`${name} ${message}`, Code.INVALID_ARGUMENT, {
        fields: [{ field, message }],
      });
    }
  }

  #value(): void {
    this.#values++;
    if (this.#values <= JSON_LIMITS.values) return;
    throw new EdgeError(400, `the body has more than ${JSON_LIMITS.values} values`);
  }

  #path(): string {
    return this.#levels.map(({ at }) => at).join('.');
  }
}

/** Digits that a double represents in any case. */
const SAFE_DIGITS = 15;
const MAX_DIGITS = 400;

/** Whether a number is read without a loss: another reader of the same text has the same number. */
function isExact(token: string): boolean {
  if (token.length <= SAFE_DIGITS && !/e/i.test(token)) return true;
  if (token.length > MAX_DIGITS) return false;
  const value = Number(token);
  // an invalid number is left to JSON.parse
  if (Number.isNaN(value)) return true;
  return Number.isFinite(value) && significant(token) === significant(String(value));
}

/** A number as its digits and exponent, the same for each way to write it. */
function significant(number: string): string {
  const [, whole = '', fraction = '', exponent = '0'] =
    /^-?(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(number) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  if (end === 0) return '0';
  return `${digits.slice(0, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
