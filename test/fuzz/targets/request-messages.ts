import { isDeepStrictEqual } from 'node:util';
import {
  type DescField,
  type DescMessage,
  type JsonValue,
  type Message,
  ScalarType,
  fromJson,
  toJson,
} from '@bufbuild/protobuf';
import { StructSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import fc, { type Arbitrary } from 'fast-check';
import { Code, MicroserviceError } from '#kit/core/errors';
import { readRequest } from '../../../services/gateway/http/request-reader';
import { routes } from '../../../services/gateway/routes/table';
import type { RpcRoute } from '../../../services/gateway/routes/types';
import { type Path, anyJson, anyName, pathsIn, replacedAt } from '../json-values';
import { type Target, target } from '../target';

// The reader of request messages, with the messages of all routes that have a body. Its oracle is the
// JSON parser of protobuf.

const bodied = routes.filter((route): route is RpcRoute => 'rpc' in route && route.body.length > 0);

const wellFormed = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.constantFrom('__proto__', '2026-01-01T00:00:00Z', ''),
);
const time = fc
  .date({ min: new Date(0), max: new Date('2999-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());
/** What a Struct can hold: text that is well formed. */
const struct = fc.dictionary(
  fc.string({ maxLength: 6 }),
  fc.jsonValue({ maxDepth: 2 }).filter((value) => JSON.stringify(value).isWellFormed()),
  { maxKeys: 3 },
);

/** JSON that the message accepts. */
function validMessage(desc: DescMessage, names?: readonly string[]): Arbitrary<object> {
  if (desc.typeName === StructSchema.typeName) return struct;
  const fields = desc.fields.filter(({ jsonName }) => names?.includes(jsonName) !== false);
  const byName = Object.fromEntries(fields.map((field) => [field.jsonName, validField(field)]));
  return fc.record(byName, { requiredKeys: [] });
}

function validField(field: DescField): Arbitrary<unknown> {
  const single = validSingle(field);
  return field.fieldKind === 'list' ? fc.array(single, { maxLength: 3 }) : single;
}

function validSingle(field: DescField): Arbitrary<unknown> {
  if (field.message !== undefined && field.fieldKind !== 'map') {
    return field.message.typeName === TimestampSchema.typeName ? time : validMessage(field.message);
  }
  switch (field.scalar) {
    case ScalarType.INT32:
      return fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 });
    case ScalarType.BOOL:
      return fc.boolean();
    default:
      return wellFormed;
  }
}

type Change =
  | { readonly kind: 'none' }
  | { readonly kind: 'replaced'; readonly at: number; readonly by: unknown }
  | { readonly kind: 'unknown'; readonly at: number; readonly name: string };

interface Input {
  readonly route: RpcRoute;
  readonly body: object;
  readonly change: Change;
}

const change: Arbitrary<Change> = fc.oneof(
  fc.constant({ kind: 'none' as const }),
  fc.record({ kind: fc.constant('replaced' as const), at: fc.nat(), by: anyJson }),
  fc.record({ kind: fc.constant('unknown' as const), at: fc.nat(), name: anyName }),
);

const input: Arbitrary<Input> = fc.constantFrom(...bodied).chain((route) =>
  fc.record({
    route: fc.constant(route),
    body: validMessage(route.rpc.input, route.body),
    change,
  }),
);

function read({ rpc, body: names }: RpcRoute, body: unknown): Message | MicroserviceError {
  try {
    return readRequest({ rpc, query: [], body: names }, { params: {}, query: {}, body });
  } catch (error) {
    if (error instanceof MicroserviceError && error.code === Code.INVALID_ARGUMENT) return error;
    throw error;
  }
}

/** The fields of a message that the body may set: the reader adds the names of those that it had. */
function sentFields({ rpc, body }: RpcRoute, message: Message): JsonValue {
  const fields = Object.entries(toJson(rpc.input, message) as Record<string, JsonValue>);
  return Object.fromEntries(fields.filter(([name]) => body.includes(name)));
}

/** What protobuf reads; undefined if it refuses. */
function oracle({ rpc }: RpcRoute, body: unknown): JsonValue | undefined {
  try {
    return toJson(rpc.input, fromJson(rpc.input, body as JsonValue));
  } catch {
    return undefined;
  }
}

function check({ route, body, change }: Input): void {
  const sent = changed(body, change);
  const result = read(route, sent);
  if (result instanceof MicroserviceError) {
    const fields = result.details.fields ?? [];
    if (fields.length === 0) throw new Error('the refusal names no field');
    if (change.kind === 'none') throw new Error(`a valid body is refused: ${result.message}`);
    if (!Number.isFinite(fields.length) || fields.some(({ message }) => message === '')) {
      throw new Error('a field has no message');
    }
    return;
  }
  const accepted = sentFields(route, result);
  if (!isDeepStrictEqual(accepted, oracle(route, sent))) {
    throw new Error(`read as ${JSON.stringify(accepted)}`);
  }
  // what was read is read again in the same way
  const again = read(route, accepted);
  if (
    again instanceof MicroserviceError ||
    !isDeepStrictEqual(sentFields(route, again), accepted)
  ) {
    throw new Error('what was read is not read again');
  }
}

function changed(body: object, change: Change): unknown {
  if (change.kind === 'none') return body;
  const paths = pathsIn(body);
  const path: Path = paths[change.at % paths.length] ?? [];
  if (change.kind === 'replaced') return replacedAt(body, path, change.by);
  const object = path.reduce<unknown>(
    (value, key) => (value as Record<string | number, unknown>)[key],
    body,
  );
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return body;
  const more = Object.fromEntries([...Object.entries(object), [change.name, 1]]);
  return replacedAt(body, path, more);
}

export const requestMessages = async (): Promise<Target> =>
  target({
    name: 'request-messages',
    about: 'bodies of every route, read into the message of its call',
    input,
    check,
    cost: 1,
  });
