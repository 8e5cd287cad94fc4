import { type z } from 'zod';

/** What the wire calls an event: lower-case words joined by dots, such as `order.created`. */
export type EventType = string;

export interface Contract<Name extends string = string, Data extends z.ZodType = z.ZodType> {
  /** The name in code and documents, such as `OrderCreated`. */
  readonly name: Name;
  /** CloudEvents `type`, and the topic it is said on. */
  readonly type: EventType;
  /** The newest version, the only one a hearer sees. */
  readonly version: number;
  /**
   * `event` is a fact for anyone; `command` is work that a service gives itself; `request` asks
   * another service, which answers.
   */
  readonly kind: 'event' | 'command' | 'request';
  /** Said for the world outside; nobody inside has to hear it. */
  readonly public: boolean;
  /** One sentence for the generated documents. */
  readonly description: string;
  readonly data: Data;
  /** The entity that it is about: CloudEvents `subject`, and the key that keeps its order. */
  subject(data: z.output<Data>): string;
  /** Earlier versions, oldest first: the schema each had, and how to lift it one version. */
  readonly earlierVersions: readonly EarlierVersion[];
  /**
   * The oldest version whose readers can read what is said now, as it still has all that they need
   * in the same sense. Its own version, unless it says otherwise: then those who only know an
   * earlier one keep it as a dead letter, to be replayed once they know this one.
   */
  readonly minVersion: number;
}

export interface RequestContract<
  Name extends string = string,
  Data extends z.ZodType = z.ZodType,
  ReplySchema extends z.ZodType = z.ZodType,
> extends Contract<Name, Data> {
  readonly kind: 'request';
  readonly reply: ReplySchema;
}

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
  version?: number;
  public?: boolean;
  description: string;
  data: Data;
  subject: (data: z.output<Data>) => string;
  earlierVersions?: readonly EarlierVersion[];
  minVersion?: number;
}

const TYPE = /^[a-z]+(-[a-z]+)*(\.[a-z]+(-[a-z]+)*)+$/;

/** Defines a fact that a service says. Unknown fields are dropped when it is read. */
export function defineEvent<Name extends string, Data extends z.ZodType>(
  name: Name,
  shape: Shape<Data>,
): Contract<Name, Data> {
  return define(name, 'event', shape);
}

/** Defines a command: work that its own service takes from the bus, so that a crash cannot lose it. */
export function defineCommand<Name extends string, Data extends z.ZodType>(
  name: Name,
  shape: Shape<Data>,
): Contract<Name, Data> {
  return define(name, 'command', shape);
}

/** Defines what a service is asked over the bus, by whoever declares that it asks it. */
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
  if (!TYPE.test(shape.type)) throw new Error(`${name}: '${shape.type}' is no dotted event type`);
  const version = shape.version ?? 1;
  const earlierVersions = shape.earlierVersions ?? [];
  earlierVersions.forEach((step, index) => {
    if (step.version !== version - earlierVersions.length + index) {
      throw new Error(`${name}: version ${String(step.version)} is not lifted to the one after it`);
    }
  });
  const minVersion = shape.minVersion ?? version;
  if (![version, ...earlierVersions.map((step) => step.version)].includes(minVersion)) {
    throw new Error(`${name}: version ${String(minVersion)}, which shall read it, is unknown`);
  }
  return {
    name,
    kind,
    version,
    earlierVersions,
    minVersion,
    type: shape.type,
    public: shape.public ?? false,
    description: shape.description,
    data: shape.data,
    subject: shape.subject,
  };
}

/**
 * Reads the data of an event in whatever version it was said, lifted to the newest; of a version
 * that is newer than this code, what the readers of `minVersion` need.
 * Throws a ZodError, or an Error for a version that this code does not know.
 */
export function parseEventData<C extends Contract>(
  contract: C,
  version: number,
  data: unknown,
  minVersion = version,
): EventData<C> {
  const from = contract.earlierVersions.findIndex((step) => step.version === version);
  const isReadable = version >= contract.version && minVersion <= contract.version;
  if (from < 0 && !isReadable) {
    throw new Error(`${contract.type}: version ${String(version)} is unknown`);
  }
  const lifted =
    from < 0
      ? data
      : contract.earlierVersions
          .slice(from)
          .reduce<unknown>((older, step) => step.upcast(step.data.parse(older)), data);
  // parse() of a schema held as `Data extends ZodType` is typed unknown until the schema is known
  return contract.data.parse(lifted) as EventData<C>;
}
