import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';

export type Json = Readonly<Record<string, unknown>>;

/** Whether the message is read from a client, strictly, or answered to one. */
type Way = 'input' | 'answer';

/**
 * The schemas of messages as JSON, as the edge reads them (json.ts) and writes them: a field of
 * which protobuf does not tell whether it was set is always in an answer, an unknown one in a
 * request is refused. Collects each message once, under its name.
 */
export class MessageSchemas {
  readonly schemas: Record<string, Json> = {};

  /** Fields of messages that a client may leave out: `retail.common.v1.Address.line2`. */
  constructor(private readonly optional: ReadonlySet<string>) {}

  answer(message: DescMessage): Json {
    return this.#reference(message, 'answer');
  }

  /** The body of a request: these fields of its message. */
  body(message: DescMessage, fields: readonly string[]): Json {
    const taken = message.fields.filter(({ jsonName }) => fields.includes(jsonName));
    this.schemas[message.name] ??= this.#object(taken, 'input');
    return referenceTo(message.name);
  }

  /** What stands in a path or a query: a text, or a number. */
  field(field: DescField): Json {
    return this.#value(field, 'input');
  }

  #reference(message: DescMessage, way: Way): Json {
    const known = WELL_KNOWN[message.typeName];
    if (known !== undefined) return known;
    const name = way === 'answer' ? message.name : `${message.name}Input`;
    if (this.schemas[name] === undefined) {
      this.schemas[name] = {}; // for a message that holds itself
      this.schemas[name] = this.#object(message.fields, way);
    }
    return referenceTo(name);
  }

  #object(fields: readonly DescField[], way: Way): Json {
    const required = fields.filter((field) =>
      way === 'input' ? !this.optional.has(pathOf(field)) : isAlwaysThere(field),
    );
    const properties = fields.map((field) => [field.jsonName, this.#value(field, way)]);
    return {
      type: 'object',
      properties: Object.fromEntries(properties) as Json,
      ...(required.length === 0 ? {} : { required: required.map(({ jsonName }) => jsonName) }),
      ...(way === 'input' ? { additionalProperties: false } : {}),
    };
  }

  #value(field: DescField, way: Way): Json {
    if (field.fieldKind === 'list') {
      return { type: 'array', items: this.#one(field, way) };
    }
    return this.#one(field, way);
  }

  #one(field: DescField, way: Way): Json {
    if (field.message !== undefined && field.fieldKind !== 'map') {
      return this.#reference(field.message, way);
    }
    const schema = field.scalar === undefined ? undefined : SCALARS[field.scalar];
    if (schema === undefined)
      throw new Error(`${field.toString()} is of no kind that is known here`);
    return schema;
  }
}

/** The name of a field among all there are. */
export function pathOf({ parent, jsonName }: DescField): string {
  return `${parent.typeName}.${jsonName}`;
}

export function referenceTo(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

/** Its zero is written, as it cannot be told from its absence. */
function isAlwaysThere({ fieldKind, proto, oneof }: DescField): boolean {
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
