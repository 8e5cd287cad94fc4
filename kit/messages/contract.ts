import { type z } from 'zod';

/** The name of an event on the wire: lower-case words joined by dots, such as `order.created`. */
export type EventType = string;

export interface Contract<Name extends string = string, Data extends z.ZodType = z.ZodType> {
  /** The name in code and documents, such as `OrderCreated`. */
  readonly name: Name;
  /** The CloudEvents `type`, and the topic on which it is published. */
  readonly type: EventType;
  /** The newest version. Handlers receive data of this version only. */
  readonly version: number;
  /**
   * `event` is a fact for any subscriber; `command` is work that a service publishes to itself;
   * `request` is a message to another service, which replies.
   */
  readonly kind: 'event' | 'command' | 'request';
  /** Whether it is for subscribers outside the system, so that no service has to subscribe to it. */
  readonly public: boolean;
  /** One sentence for the generated documents. */
  readonly description: string;
  readonly data: Data;
  /**
   * The id of the entity that it is about: the CloudEvents `subject`, and the key that keeps the
   * order.
   */
  subject(data: z.output<Data>): string;
  /** The earlier versions that can still be read, oldest first. */
  readonly earlierVersions: readonly EarlierVersion[];
  /**
   * The oldest version whose readers can read the newest version, because it still has every field that
   * they need, with the same meaning. By default `version` itself: a subscriber that knows only an
   * earlier version stores the event as a dead letter, to be replayed once it knows this version.
   */
  readonly minVersion: number;
  /**
   * Of a command: whether it is no longer executed a day after it was published, when the inbox has forgotten
   * whether it was. For a change that documents do not show, and that could so be made or allowed twice.
   * Other commands are executed however late they arrive.
   */
  readonly expires: boolean;
}

export interface RequestContract<
  Name extends string = string,
  Data extends z.ZodType = z.ZodType,
  ReplySchema extends z.ZodType = z.ZodType,
> extends Contract<Name, Data> {
  readonly kind: 'request';
  /** The schema of the data in the reply. */
  readonly reply: ReplySchema;
}

/** An earlier version of a contract: its schema, and the conversion to the next version. */
export interface EarlierVersion {
  readonly version: number;
  readonly data: z.ZodType;
  upcast(data: unknown): unknown;
}

export type EventData<C extends Contract> = z.output<C['data']>;
export type EventInput<C extends Contract> = z.input<C['data']>;
export type Reply<C extends RequestContract> = z.output<C['reply']>;
export type ReplyInput<C extends RequestContract> = z.input<C['reply']>;

interface Shape<Data extends z.ZodType> {
  type: EventType;
  /** 1 by default. */
  version?: number;
  public?: boolean;
  description: string;
  data: Data;
  subject: (data: z.output<Data>) => string;
  earlierVersions?: readonly EarlierVersion[];
  minVersion?: number;
  /** False by default. */
  expires?: boolean;
}

const TYPE = /^[a-z]+(-[a-z]+)*(\.[a-z]+(-[a-z]+)*)+$/;

/**
 * Defines an event that a service publishes. Readers drop unknown fields. This function and the two
 * below throw an Error for a malformed type or a gap between the versions.
 */
export function defineEvent<Name extends string, Data extends z.ZodType>(
  name: Name,
  shape: Shape<Data>,
): Contract<Name, Data> {
  return define(name, 'event', shape);
}

/** Defines a command: work that a service publishes to itself, so that a crash cannot lose it. */
export function defineCommand<Name extends string, Data extends z.ZodType>(
  name: Name,
  shape: Shape<Data>,
): Contract<Name, Data> {
  return define(name, 'command', shape);
}

/**
 * Defines a request over the bus. One service handles it with `onRequest`; a service that sends it
 * lists it under `requests` in its definition.
 */
export function defineRequest<
  Name extends string,
  Data extends z.ZodType,
  ReplySchema extends z.ZodType,
>(
  name: Name,
  { reply, ...shape }: Shape<Data> & { reply: ReplySchema },
): RequestContract<Name, Data, ReplySchema> {
  return { ...define(name, 'request', shape), kind: 'request', reply };
}

export function isRequest(contract: Contract): contract is RequestContract {
  return contract.kind === 'request';
}

function define<Name extends string, Data extends z.ZodType>(
  name: Name,
  kind: Contract['kind'],
  shape: Shape<Data>,
): Contract<Name, Data> {
  if (!TYPE.test(shape.type))
    throw new Error(`${name}: '${shape.type}' is not a dotted event type`);
  const version = shape.version ?? 1;
  const earlierVersions = shape.earlierVersions ?? [];
  earlierVersions.forEach((earlier, index) => {
    if (earlier.version !== version - earlierVersions.length + index) {
      throw new Error(
        `${name}: version ${String(earlier.version)} is not followed by the next one`,
      );
    }
  });
  const minVersion = shape.minVersion ?? version;
  if (![version, ...earlierVersions.map((earlier) => earlier.version)].includes(minVersion)) {
    throw new Error(`${name}: minVersion ${String(minVersion)} is not a known version`);
  }
  return {
    name,
    kind,
    version,
    earlierVersions,
    minVersion,
    type: shape.type,
    public: shape.public ?? false,
    expires: shape.expires ?? false,
    description: shape.description,
    data: shape.data,
    subject: shape.subject,
  };
}

/**
 * Parses the data of an event of any known version, upcast to the newest. Data of a newer version is
 * parsed with this version's schema if the event's `minVersion` allows it.
 * Throws a ZodError, or an Error for a version that this code cannot read.
 */
export function parseEventData<C extends Contract>(
  contract: C,
  version: number,
  data: unknown,
  minVersion = version,
): EventData<C> {
  const from = contract.earlierVersions.findIndex((earlier) => earlier.version === version);
  const isReadable = version >= contract.version && minVersion <= contract.version;
  if (from < 0 && !isReadable) {
    throw new Error(`${contract.type}: version ${String(version)} is unknown`);
  }
  const newest =
    from < 0
      ? data
      : contract.earlierVersions
          .slice(from)
          .reduce<unknown>((older, earlier) => earlier.upcast(earlier.data.parse(older)), data);
  // parse() of a schema held as `Data extends ZodType` is typed unknown until the schema is known
  return contract.data.parse(newest) as EventData<C>;
}
