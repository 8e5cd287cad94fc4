import { toTimestamp } from '#kit/core/timestamps';
import {
  type DescField,
  type DescMethod,
  type DescMessage,
  type Message,
  ScalarType,
  fromJson,
} from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { StructSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { Code, type FieldError, MicroserviceError } from '#kit/core/errors';
import { describeErrors } from '#kit/core/schema-errors';
import type { RpcRoute } from '../routes/types';

/** What a route takes, and the message that it goes into. */
type Takes = Pick<RpcRoute, 'query' | 'body'> & { readonly rpc: Pick<DescMethod, 'input'> };

/** What a request holds, where Express found it. */
export interface Parts {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/**
 * The request message of a call, read strictly: fields that the route does not take are refused by
 * name, and so is a value of another type, which is never converted. Throws INVALID_ARGUMENT with
 * every fault.
 */
export function readRequest(route: Takes, { params, query, body }: Parts): Message {
  const message = reflect(route.rpc.input);
  const reader = new Reader();
  for (const name in params) {
    if (name !== 'service') reader.fill(message, { [name]: params[name] }, '', [name]);
  }
  reader.fill(message, reader.texts(message.desc, query), '', route.query);
  if (body !== undefined) reader.fill(message, body, '', route.body);
  reader.finish();
  return message.message;
}

class Reader {
  readonly #faults: FieldError[] = [];

  finish(): void {
    if (this.#faults.length === 0) return;
    const message = describeErrors(this.#faults, 'the body', 3);
    throw new MicroserviceError(message, Code.INVALID_ARGUMENT, { fields: this.#faults });
  }

  fill(message: ReflectMessage, value: unknown, path: string, takes?: readonly string[]): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#fault(path, 'must be an object');
      return;
    }
    const fields = fieldsOf(message.desc);
    for (const [name, inner] of Object.entries(value)) {
      const at = path === '' ? name : `${path}.${name}`;
      const field = fields.get(name);
      if (field === undefined || takes?.includes(name) === false) this.#fault(at, 'is unknown');
      else this.#field(message, field, inner, at);
    }
  }

  /** The query's texts, those of numbers as numbers where they are any. */
  texts(desc: DescMessage, query: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const number = (name: string) => fieldsOf(desc).get(name)?.scalar === ScalarType.INT32;
    // an entry, not an assignment: a name such as __proto__ is a name like any other
    return Object.fromEntries(
      Object.entries(query).map(([name, text]) => {
        const digits = typeof text === 'string' && /^-?\d{1,10}$/.test(text);
        return [name, digits && number(name) ? Number(text) : text];
      }),
    );
  }

  #field(message: ReflectMessage, field: DescField, value: unknown, at: string): void {
    if (field.fieldKind === 'list') {
      if (!Array.isArray(value)) {
        this.#fault(at, 'must be a list');
        return;
      }
      const list = message.get(field);
      for (const [index, entry] of value.entries()) {
        const read = this.#one(field, entry, `${at}.${index}`);
        if (read !== undefined) list.add(read);
      }
      return;
    }
    const read = this.#one(field, value, at);
    if (read !== undefined) message.set(field, read);
  }

  /** A value that is no list; undefined where it is not of the field's type. */
  #one(field: DescField, value: unknown, at: string): unknown {
    if (field.message !== undefined && field.fieldKind !== 'map') {
      const known = WELL_KNOWN[field.message.typeName];
      if (known !== undefined) {
        const read = known.read(value);
        if (read === undefined) this.#fault(at, `must be ${known.name}`);
        return read && reflect(field.message, read);
      }
      const message = reflect(field.message);
      this.fill(message, value, at);
      return message;
    }
    const kind = field.scalar === undefined ? undefined : KINDS[field.scalar];
    if (kind === undefined) throw new Error(`${field.toString()} is of no kind that is read here`);
    if (kind.is(value)) return value;
    this.#fault(at, `must be ${kind.name}`);
    return undefined;
  }

  #fault(field: string, message: string): void {
    this.#faults.push({ field, message });
  }
}

const known = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** By their names in JSON. Made once, as every request is read by them. */
function fieldsOf(desc: DescMessage): ReadonlyMap<string, DescField> {
  const fields = known.get(desc) ?? new Map(desc.fields.map((field) => [field.jsonName, field]));
  known.set(desc, fields);
  return fields;
}

/** Messages that are not an object of their fields in JSON. */
const WELL_KNOWN: Readonly<
  Record<string, { name: string; read(value: unknown): Message | undefined }>
> = {
  [TimestampSchema.typeName]: {
    name: 'a time of ISO 8601 such as 2026-01-31T12:00:00Z',
    read: (value) => {
      const { data } = z.iso.datetime({ offset: true }).safeParse(value);
      return data === undefined ? undefined : toTimestamp(data);
    },
  },
  [StructSchema.typeName]: {
    name: 'an object',
    read: (value) => {
      const { data } = Json.safeParse(value);
      return data === undefined ? undefined : fromJson(StructSchema, data);
    },
  },
};

const Json = z.record(z.string(), z.json());

interface Kind {
  readonly name: string;
  is(value: unknown): boolean;
}

const MAX = 2 ** 31 - 1;

const KINDS: Partial<Record<ScalarType, Kind>> = {
  [ScalarType.STRING]: {
    name: 'a text',
    // half of a surrogate pair is no text that UTF-8 can carry
    is: (value) => typeof value === 'string' && value.isWellFormed(),
  },
  [ScalarType.INT32]: {
    name: `a whole number of at most ${MAX}`,
    is: (value) => Number.isInteger(value) && Math.abs(Number(value)) <= MAX,
  },
  [ScalarType.BOOL]: { name: 'true or false', is: (value) => typeof value === 'boolean' },
};
