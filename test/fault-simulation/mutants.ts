import type { Message } from '@bufbuild/protobuf';
import type { AckStatus } from '#kit/delivery/event-dispatcher';
import { deterministicId } from '#kit/core/deterministic-id';
import type { AnyService } from '#kit/service/service';
import type { Handler } from '#kit/service/handlers';
import type { CallRequest, Sidecar } from '#kit/transport/sidecar';
import { PlaceOrder } from '#contracts/order';
import type { Order } from '../../services/order/domain';
import type { App } from './faults';
import type { SimulationInvariant } from './fault-simulation';
import type { Simulation } from './simulation';

/** Where a mutant changes the behaviour of the system without a change of its code. */
export interface Hooks {
  /** A sidecar between the kit and the simulated one. */
  sidecar?: (app: App, sidecar: Sidecar, simulation: Simulation) => Sidecar;
  /** A service with other handlers. */
  service?: (service: AnyService) => AnyService;
  /** Replaces a call. */
  call?: (call: CallRequest) => CallRequest;
  /** Answers in place of the callee. */
  answer?: (appId: string, method: string) => object | undefined;
  /** Replaces the acknowledgement that the bus gets. */
  acknowledge?: (outcome: AckStatus) => AckStatus;
}

export interface Mutant {
  /** The bug, in words. */
  readonly bug: string;
  /** The invariant that detects it. */
  readonly breaks: SimulationInvariant;
  /** New ones for each schedule. */
  readonly hooks: () => Hooks;
}

/** Bugs that this system could have had. A run that does not detect one of them checks too little. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'acknowledge-before-publishing': {
    bug: 'a handler continues, and its event is acknowledged, before its own events are published',
    breaks: 'everyChangeIsPublished',
    hooks: () => ({
      sidecar: (_, sidecar, { loop }) =>
        changed(sidecar, {
          publish: async (event, timeout) => {
            // never published if the process is killed in the meantime
            loop.after(20, () => void sidecar.publish(event, timeout).catch(() => {}));
          },
        }),
    }),
  },
  'no-inbox-entries': {
    bug: 'a document has no inbox entries',
    breaks: 'stockEventsFormAChain',
    hooks: () => ({
      sidecar: (_, sidecar) =>
        changed(sidecar, {
          save: (key, value, ...rest) =>
            sidecar.save(
              key,
              withInbox(value, () => []),
              ...rest,
            ),
        }),
    }),
  },
  'inbox-entries-without-index': {
    bug: 'an inbox entry identifies the execution that changed a document, but not which of its effects',
    breaks: 'everyOrderEnds',
    hooks: () => ({
      sidecar: (_, sidecar) =>
        changed(sidecar, {
          load: async (key, timeout) => {
            const loaded = await sidecar.load(key, timeout);
            return loaded && { ...loaded, value: withInbox(loaded.value, ofAnyEffect) };
          },
        }),
    }),
  },
  'release-skipped': {
    bug: 'the reserved items of a cancelled order are not released',
    breaks: 'nothingStaysReserved',
    hooks: () => ({
      answer: (appId, method) => (appId === 'inventory' && method === 'release' ? {} : undefined),
    }),
  },
  'void-skipped': {
    bug: 'a payment with an unknown outcome is not voided',
    breaks: 'moneyAddsUp',
    hooks: () => ({
      answer: (appId, method) => (appId === 'payment' && method === 'void' ? {} : undefined),
    }),
  },
  'take-back-skipped': {
    bug: 'the pieces of a return are not put back into the stock',
    breaks: 'stockAddsUp',
    hooks: () => ({
      answer: (appId, method) => (appId === 'inventory' && method === 'takeBack' ? {} : undefined),
    }),
  },
  'pickup-never-expires': {
    bug: 'the job that cancels an order that is not collected is not scheduled',
    breaks: 'everyOrderEnds',
    hooks: () => ({
      sidecar: (_, sidecar) => changed(sidecar, { schedule: () => Promise.resolve() }),
    }),
  },
  'delivery-not-in-the-total': {
    bug: 'a delivery that the buyer pays is not part of what is charged',
    breaks: 'moneyAddsUp',
    hooks: () => ({
      call: (call) => {
        if (call.appId !== 'payment' || call.method.localName !== 'charge') return call;
        const request = call.request as Message & { amount?: { amount: string } };
        const amount = { ...request.amount, amount: '1.00' };
        return { ...call, request: { ...request, amount } };
      },
    }),
  },
  'reserve-not-idempotent': {
    bug: 'repeating a reservation reserves the items of an order a second time',
    breaks: 'nothingStaysReserved',
    hooks: () => {
      const attempts = new Map<string, number>();
      return {
        call: (call) => {
          if (call.appId !== 'inventory' || call.method.localName !== 'reserve') return call;
          // the request of this method has the id of an order
          const request = call.request as Message & { orderId: string };
          const { orderId } = request;
          const times = attempts.get(orderId) ?? 0;
          attempts.set(orderId, times + 1);
          if (times === 0) return call;
          const callContext = { ...call.callContext, id: `${call.callContext.id}-${times}` };
          return { ...call, callContext, request: { ...request, orderId: `${orderId}-${times}` } };
        },
      };
    },
  },
  'capture-under-a-new-key': {
    bug: 'a capture is repeated under another idempotency key',
    breaks: 'moneyAddsUp',
    hooks: () => {
      const attempts = new Map<string, number>();
      return {
        sidecar: (_, sidecar) =>
          changed(sidecar, {
            request: (endpoint, request, timeout) => {
              const key = request.headers?.['idempotency-key'] ?? '';
              const times = attempts.get(key) ?? 0;
              if (request.path === '/captures') attempts.set(key, times + 1);
              const other = times === 0 ? key : `${key}-${times}`;
              const headers = { 'idempotency-key': other };
              return sidecar.request(endpoint, { ...request, headers }, timeout);
            },
          }),
      };
    },
  },
  'stale-read-accepted': {
    bug: 'a document is saved although another process has saved it since it was loaded',
    breaks: 'stockAddsUp',
    hooks: () => ({
      sidecar: (_, sidecar) =>
        changed(sidecar, {
          save: async (key, value, etag, timeout, ttlSeconds) => {
            const now = key.startsWith('outcome:') ? undefined : await sidecar.load(key, timeout);
            return sidecar.save(key, value, now?.etag ?? etag, timeout, ttlSeconds);
          },
        }),
    }),
  },
  'compensation-not-resumed': {
    bug: 'a redelivered command leaves an order that is being cancelled alone',
    breaks: 'everyOrderEnds',
    hooks: () => ({
      service: (service) =>
        withHandler(service, PlaceOrder.type, (fulfil) => async (data, context, meta) => {
          // the context and data of this service's handler
          const { orders } = context as { orders: { getOrThrow(key: string): Promise<Order> } };
          const { status } = await orders.getOrThrow((data as { orderId: string }).orderId);
          return status === 'cancelling' ? undefined : fulfil(data, context, meta);
        }),
    }),
  },
  'failed-event-acknowledged': {
    bug: 'an event whose handler failed is acknowledged',
    breaks: 'everyOrderEnds',
    hooks: () => ({ acknowledge: () => 'SUCCESS' }),
  },
  'new-event-each-time': {
    bug: 'a redelivery publishes its events under new ids',
    breaks: 'everyChangeIsOneEvent',
    hooks: () => {
      let count = 0;
      return {
        sidecar: (_, sidecar) =>
          changed(sidecar, {
            publish: (event, timeout) =>
              sidecar.publish({ ...event, id: deterministicId(event.id, ++count) }, timeout),
          }),
      };
    },
  },
  'parked-events-reversed': {
    bug: 'the parked events of a subject are handled in the reverse order',
    breaks: 'orderIsKept',
    hooks: () => ({
      sidecar: (_, sidecar) =>
        changed(sidecar, {
          save: (key, value, ...rest) => sidecar.save(key, withFrontReversed(key, value), ...rest),
        }),
    }),
  },
  'no-sequence': {
    bug: 'an event has not the sequence number of its document',
    breaks: 'sequencesRise',
    hooks: () => ({
      sidecar: (_, sidecar) =>
        changed(sidecar, {
          publish: (event, timeout) => sidecar.publish({ ...event, sequence: 1 }, timeout),
        }),
    }),
  },
};

function changed(sidecar: Sidecar, to: Partial<Sidecar>): Sidecar {
  const same: Sidecar = {
    load: (...args) => sidecar.load(...args),
    loadMany: (...args) => sidecar.loadMany(...args),
    save: (...args) => sidecar.save(...args),
    delete: (...args) => sidecar.delete(...args),
    publish: (...args) => sidecar.publish(...args),
    publishAll: (...args) => sidecar.publishAll(...args),
    call: (call) => sidecar.call(call),
    stream: (call) => sidecar.stream(call),
    send: (...args) => sidecar.send(...args),
    request: (...args) => sidecar.request(...args),
    schedule: (...args) => sidecar.schedule(...args),
    unschedule: (...args) => sidecar.unschedule(...args),
  };
  return { ...same, ...to };
}

/** The queue of a subject with the newest event first; another value stays as it is. */
function withFrontReversed(key: string, value: unknown): unknown {
  if (!key.startsWith('parked-subject:')) return value;
  // as the kit writes it
  const queue = value as { front: string[] };
  return { ...queue, front: queue.front.toReversed() };
}

interface InboxEntry {
  by: string;
}

/** A stored document with other inbox entries; another value stays as it is. */
function withInbox(value: unknown, change: (entries: InboxEntry[]) => InboxEntry[]): unknown {
  if (typeof value !== 'object' || value === null || !('marks' in value)) return value;
  // as the kit writes them
  return { ...value, marks: change(value.marks as InboxEntry[]) };
}

/** Each entry as if it stood for every effect of its execution. */
function ofAnyEffect(entries: InboxEntry[]): InboxEntry[] {
  return entries.flatMap((entry) => {
    const [execution = '', index = ''] = entry.by.split('#');
    if (!/^\d+$/.test(index)) return [entry];
    return [0, 1, 2, 3].map((effect) => ({ ...entry, by: `${execution}#${effect}` }));
  });
}

/** The service with another handler of an event, which may call its own. */
function withHandler(
  service: AnyService,
  type: string,
  wrap: (own: Handler) => Handler,
): AnyService {
  const subscription = service.events.get(type);
  if (subscription === undefined) return service;
  const { name, definition, methods, bindings, jobs, schedules, intervalTasks, ingest } = service;
  const { subscribesTo, topics } = service;
  const handle = wrap(subscription.handle as Handler);
  const events = new Map(service.events).set(type, { ...subscription, handle });
  return {
    name,
    definition,
    methods,
    bindings,
    jobs,
    schedules,
    intervalTasks,
    ingest,
    subscribesTo,
    topics,
    events,
  };
}
