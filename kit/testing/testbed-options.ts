import type { z } from 'zod';
import type { CallContext } from '../core/call-context';
import type { Caller } from '../core/caller';
import type { Log } from '../core/log';
import type { Publishes } from '../delivery/event-gate';
import type { ReadStore } from '../read-store/read-store';
import type { Definition } from '../service/definition';
import type { FakeClock } from './fake-clock';
import type { FakeReplies } from './fake-replies';
import type { FakeEndpoint, Fakes } from './fakes';
import type { Memory } from './memory';

export type FlagValues = Readonly<Record<string, boolean | string | number>>;

export interface TestbedOptions<D extends Definition> {
  calls?: Fakes<D>;
  /** Fakes for requests over the bus. A request without a fake gets no reply. */
  replies?: FakeReplies<D>;
  /** Fakes for the HTTP endpoints. An endpoint without a fake is unreachable. */
  endpoints?: Readonly<Partial<Record<NonNullable<D['endpoints']>[number], FakeEndpoint>>>;
  config?: NonNullable<D['config']> extends z.ZodType
    ? z.output<NonNullable<D['config']>>
    : undefined;
  flags?: FlagValues | ((caller: Caller) => FlagValues);
  clock?: FakeClock;
  log?: Log;
  /** Whether an app publishes on a topic. By default every app does. */
  publishes?: Publishes;
  /** The database of the read model, if the service has one. */
  readStore?: ReadStore;
  /** The memory of another testbed, of which this is then a second process. */
  memory?: Memory;
}

/** Fields of the call context of a call or event in a test. */
export interface CallOptions extends Partial<
  Pick<
    CallContext,
    | 'caller'
    | 'correlationId'
    | 'respondAsync'
    | 'hasIdempotencyKey'
    | 'forwardedFor'
    | 'precondition'
  >
> {
  /** A call with the same id is a repetition. A new id by default. */
  id?: string;
}
