import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type JsonObject,
  type Message,
  ScalarType,
  create,
  fromJson,
} from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { FieldMaskSchema, StructSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import type { FieldError } from '#kit/core/errors';
import { MAX_REPORTED, invalidFields } from '#kit/core/schema-errors';
import { toTimestamp } from '#kit/core/timestamps';

/** The message that a request is read into, and its fields that the query and the body may set. */
export interface RequestShape {
  readonly rpc: Pick<DescMethod, 'input'>;
  readonly query: readonly string[];
  readonly body: readonly string[];
}

/** The parts of an Express request that are read. */
export interface RequestParts {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/**
 * Reads the request message of a call. Fields outside of the shape are errors, and so are values of
 * another type: nothing is converted. Throws INVALID_ARGUMENT with the errors.
 */
export function readRequest(shape: RequestShape, { params, query, body }: RequestParts): Message {
  const message = reflect(shape.rpc.input);
  const reader = new Reader();
  for (const name in params) {
    // `:service` selects the app to call and is not a field
    if (name !== 'service') reader.fill(message, { [name]: params[name] }, '', [name]);
  }
  reader.fill(message, reader.queryValues(message.desc, query), '', shape.query);
  reader.refuseZeros(query, shape.query);
  if (body !== undefined) {
    reader.fill(message, body, '', shape.body);
    setMask(message, body);
  }
  reader.throwErrors();
  return message.message;
}

/** Names the fields of the body in `update_mask`, if the message has one: see UpdateShopRequest. */
function setMask(message: ReflectMessage, body: unknown): void {
  const fields = fieldsOf(message.desc);
  const mask = fields.get('updateMask');
  if (mask?.message === undefined || typeof body !== 'object' || body === null) return;
  const paths = Object.keys(body).flatMap((name) => fields.get(name)?.name ?? []);
  message.set(mask, reflect(mask.message, create(FieldMaskSchema, { paths })));
}

class Reader {
  readonly #errors: FieldError[] = [];
  /** Errors in all; beyond MAX_REPORTED they are only counted. */
  #found = 0;

  throwErrors(): void {
    if (this.#found > 0) throw invalidFields(this.#errors, 'the body', this.#found);
  }

  /** Sets the fields of a message from a JSON object; `allowed` restricts which. */
  fill(message: ReflectMessage, value: unknown, path: string, allowed?: readonly string[]): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#error(path, 'must be an object');
      return;
    }
    const fields = fieldsOf(message.desc);
    for (const [name, inner] of Object.entries(value)) {
      const shown = name === '' ? '""' : name;
      const at = path === '' ? shown : `${path}.${shown}`;
      const field = fields.get(name);
      if (field === undefined || allowed?.includes(name) === false) this.#error(at, 'is unknown');
      else this.#field(message, field, inner, at);
    }
  }

  /** The values of a query, with digits as numbers and words as booleans where the field is one. */
  queryValues(
    desc: DescMessage,
    query: Readonly<Record<string, unknown>>,
  ): Record<string, unknown> {
    const scalarOf = (name: string) => fieldsOf(desc).get(name)?.scalar;
    // fromEntries and not assignment, which would treat a name such as __proto__ specially
    return Object.fromEntries(
      Object.entries(query).map(([name, text]) => {
        const isDigits = typeof text === 'string' && /^-?\d{1,10}$/.test(text);
        if (isDigits && scalarOf(name) === ScalarType.INT32) return [name, Number(text)];
        const isWord = text === 'true' || text === 'false';
        return [name, isWord && scalarOf(name) === ScalarType.BOOL ? text === 'true' : text];
      }),
    );
  }

  /** An explicit 0 would count as absent: a page is counted from 1, and has at least one item. */
  refuseZeros(query: Readonly<Record<string, unknown>>, allowed: readonly string[]): void {
    for (const name of ['page', 'limit']) {
      const value = query[name];
      const isZero = typeof value === 'string' && /^-?0+$/.test(value);
      if (allowed.includes(name) && isZero) this.#error(name, 'must be at least 1');
    }
  }

  #field(message: ReflectMessage, field: DescField, value: unknown, at: string): void {
    if (field.fieldKind === 'list') {
      if (!Array.isArray(value)) {
        this.#error(at, 'must be a list');
        return;
      }
      const list = message.get(field);
      for (const [index, entry] of value.entries()) {
        const read = this.#single(field, entry, `${at}.${index}`);
        if (read !== undefined) list.add(read);
      }
      return;
    }
    const read = this.#single(field, value, at);
    if (read !== undefined) message.set(field, read);
  }

  /** A value of a field, or of an entry of a list; undefined if it has the wrong type. */
  #single(field: DescField, value: unknown, at: string): unknown {
    if (field.message !== undefined && field.fieldKind !== 'map') {
      const wellKnown = WELL_KNOWN[field.message.typeName];
      if (wellKnown !== undefined) {
        const read = wellKnown.read(value);
        if (typeof read === 'string') {
          this.#error(at, read);
          return undefined;
        }
        return reflect(field.message, read);
      }
      const message = reflect(field.message);
      this.fill(message, value, at);
      return message;
    }
    const scalar = field.scalar === undefined ? undefined : SCALARS[field.scalar];
    if (scalar === undefined) throw new Error(`${field.toString()} has an unsupported type`);
    if (scalar.accepts(value)) return value;
    this.#error(at, `must be ${scalar.name}`);
    return undefined;
  }

  #error(field: string, message: string): void {
    this.#found++;
    if (this.#errors.length < MAX_REPORTED) this.#errors.push({ field, message });
  }
}

const fieldsByMessage = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** Fields by their JSON names, built once per message since every request needs them. */
function fieldsOf(desc: DescMessage): ReadonlyMap<string, DescField> {
  const fields =
    fieldsByMessage.get(desc) ?? new Map(desc.fields.map((field) => [field.jsonName, field]));
  fieldsByMessage.set(desc, fields);
  return fields;
}

/** Messages whose JSON is not an object of their fields. */
const WELL_KNOWN: Readonly<
  Record<
    string,
    { /** The message, or what is wrong with the value. */ read(value: unknown): Message | string }
  >
> = {
  [TimestampSchema.typeName]: {
    read: (value) => {
      const { data } = z.iso.datetime({ offset: true }).safeParse(value);
      // protobuf has no other years
      return data === undefined || !isInRange(data)
        ? 'must be an ISO 8601 time such as 2026-01-31T12:00:00Z'
        : toTimestamp(data);
    },
  },
  [StructSchema.typeName]: {
    read: (value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        return 'must be an object';
      }
      // the body is parsed JSON
      return lostIn(value) ?? fromJson(StructSchema, value as JsonObject);
    },
  },
};

/** Whether a time is in the years 1 to 9999, in UTC. */
function isInRange(time: string): boolean {
  const year = new Date(time).getUTCFullYear();
  return year >= 1 && year <= 9_999;
}

/**
 * What of a JSON value would not reach its receiver as it was sent, if there is something. Numbers that
 * would be rounded are refused before: see http/json.ts.
 */
function lostIn(value: unknown): string | undefined {
  if (typeof value === 'string') {
    return value.isWellFormed() ? undefined : 'must not contain half of a surrogate pair';
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') return 'must not have the key __proto__';
    const lost = lostIn(key) ?? lostIn(inner);
    if (lost !== undefined) return lost;
  }
  return undefined;
}

interface Scalar {
  readonly name: string;
  accepts(value: unknown): boolean;
}

const MAX = 2 ** 31 - 1;

const SCALARS: Partial<Record<ScalarType, Scalar>> = {
  [ScalarType.STRING]: {
    name: 'a string',
    // UTF-8 cannot encode half of a surrogate pair
    accepts: (value) => typeof value === 'string' && value.isWellFormed(),
  },
  [ScalarType.INT32]: {
    name: `a whole number from -${MAX} to ${MAX}`,
    accepts: (value) => Number.isInteger(value) && Math.abs(Number(value)) <= MAX,
  },
  [ScalarType.BOOL]: {
    name: 'true or false',
    accepts: (value) => typeof value === 'boolean',
  },
};
