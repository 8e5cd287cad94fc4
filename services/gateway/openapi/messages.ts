import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';

export type Json = Readonly<Record<string, unknown>>;

/** Whether the schema describes what a client may send or what it receives. */
type Direction = 'request' | 'response';

/**
 * Schemas of protobuf messages as the gateway reads them (http/request-reader.ts) and writes them. A
 * request must not have unknown fields. A response always has the fields whose absence protobuf cannot
 * express. Collects each message once, by name.
 */
export class MessageSchemas {
  readonly schemas: Record<string, Json> = {};

  /** Takes the fields that a request may omit, by full name: `retail.common.v1.Address.line2`. */
  constructor(private readonly optional: ReadonlySet<string>) {}

  response(message: DescMessage): Json {
    return this.#reference(message, 'response');
  }

  /** A request body: these fields of its message. */
  body(message: DescMessage, fields: readonly string[]): Json {
    const included = message.fields.filter(({ jsonName }) => fields.includes(jsonName));
    this.schemas[message.name] ??= this.#object(included, 'request');
    return referenceTo(message.name);
  }

  /** A parameter of a path or a query. */
  parameter(field: DescField): Json {
    return this.#value(field, 'request');
  }

  #reference(message: DescMessage, direction: Direction): Json {
    const wellKnown = WELL_KNOWN[message.typeName];
    if (wellKnown !== undefined) return wellKnown;
    const name = direction === 'response' ? message.name : `${message.name}Input`;
    if (this.schemas[name] === undefined) {
      this.schemas[name] = {}; // ends the recursion of a message that contains itself
      this.schemas[name] = this.#object(message.fields, direction);
    }
    return referenceTo(name);
  }

  #object(fields: readonly DescField[], direction: Direction): Json {
    const required = fields.filter((field) =>
      direction === 'request' ? !this.optional.has(fullNameOf(field)) : isAlwaysPresent(field),
    );
    const properties = fields.map((field) => [field.jsonName, this.#value(field, direction)]);
    return {
      type: 'object',
      properties: Object.fromEntries(properties) as Json,
      ...(required.length === 0 ? {} : { required: required.map(({ jsonName }) => jsonName) }),
      ...(direction === 'request' ? { additionalProperties: false } : {}),
    };
  }

  #value(field: DescField, direction: Direction): Json {
    if (field.fieldKind === 'list') {
      return { type: 'array', items: this.#single(field, direction) };
    }
    return this.#single(field, direction);
  }

  #single(field: DescField, direction: Direction): Json {
    if (field.message !== undefined && field.fieldKind !== 'map') {
      return this.#reference(field.message, direction);
    }
    const schema = field.scalar === undefined ? undefined : SCALARS[field.scalar];
    if (schema === undefined) throw new Error(`${field.toString()} has an unsupported type`);
    return schema;
  }
}

/** The name of a field, unique among all messages. */
export function fullNameOf({ parent, jsonName }: DescField): string {
  return `${parent.typeName}.${jsonName}`;
}

export function referenceTo(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

/** Whether protobuf cannot tell its zero value from its absence, so that the zero value is written. */
function isAlwaysPresent({ fieldKind, proto, oneof }: DescField): boolean {
  return fieldKind === 'list' || (fieldKind === 'scalar' && !proto.proto3Optional && !oneof);
}

const SCALARS: Partial<Record<ScalarType, Json>> = {
  [ScalarType.STRING]: { type: 'string' },
  [ScalarType.INT32]: { type: 'integer', format: 'int32' },
  [ScalarType.BOOL]: { type: 'boolean' },
};

const WELL_KNOWN: Readonly<Record<string, Json>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Struct': { type: 'object', additionalProperties: true },
};
