import type { Message } from '@bufbuild/protobuf';
import type { AckStatus } from '#kit/delivery/event-dispatcher';
import { deterministicId } from '#kit/core/deterministic-id';
import type { AnyService } from '#kit/service/service';
import type { Handler } from '#kit/service/handlers';
import type { CallRequest, Sidecar } from '#kit/transport/sidecar';
import { PlaceOrder } from '#contracts/order';
import type { Order } from '../../services/order/domain';
import type { App } from './faults';
import type { Invariant } from './invariants/violation';
import type { Stage } from './stage';

/** Where a bug can be planted without touching what is tested. */
export interface Seams {
  /** Another sidecar between the kit and the simulated one. */
  sidecar?: (app: App, sidecar: Sidecar, stage: Stage) => Sidecar;
  /** Other handlers. */
  service?: (service: AnyService) => AnyService;
  /** Another call in a call's stead. */
  call?: (call: CallRequest) => CallRequest;
  /** An answer in the callee's stead. */
  answer?: (appId: string, method: string) => object | undefined;
  /** What the bus makes of what it was told. */
  acknowledge?: (outcome: AckStatus) => AckStatus;
}

export interface Plant {
  /** The bug, in words. */
  readonly bug: string;
  /** By which invariant it shall be found. */
  readonly breaks: Invariant;
  /** For one schedule. */
  readonly seams: () => Seams;
}

/** Bugs that this system could have had. A run that does not find one of them looks at too little. */
export const PLANTS: Readonly<Record<string, Plant>> = {
  'acknowledge-before-publishing': {
    bug: 'a handler goes on, and its event is acknowledged, before what it says is on the bus',
    breaks: 'events',
    seams: () => ({
      sidecar: (_, sidecar, { loop }) =>
        changed(sidecar, {
          publish: async (event, timeout) => {
            // what is never said when the process is killed meanwhile
            loop.after(20, () => void sidecar.publish(event, timeout).catch(() => {}));
          },
        }),
    }),
  },
  'no-marks': {
    bug: 'a document does not remember which changes were made',
    breaks: 'events',
    seams: () => ({
      sidecar: (_, sidecar) =>
        changed(sidecar, {
          save: (key, value, ...rest) =>
            sidecar.save(
              key,
              withMarks(value, () => []),
              ...rest,
            ),
        }),
    }),
  },
  'marks-without-ordinal': {
    bug: 'a mark tells by which cause a document was changed, but not by which of its changes',
    breaks: 'ending',
    seams: () => ({
      sidecar: (_, sidecar) =>
        changed(sidecar, {
          load: async (key, timeout) => {
            const loaded = await sidecar.load(key, timeout);
            return loaded && { ...loaded, value: withMarks(loaded.value, ofAnyChange) };
          },
        }),
    }),
  },
  'release-skipped': {
    bug: 'the items of an order that comes to nothing are not given back',
    breaks: 'reservations',
    seams: () => ({
      answer: (appId, method) => (appId === 'inventory' && method === 'release' ? {} : undefined),
    }),
  },
  'void-skipped': {
    bug: 'a payment of unknown outcome is not voided',
    breaks: 'money',
    seams: () => ({
      answer: (appId, method) => (appId === 'payment' && method === 'void' ? {} : undefined),
    }),
  },
  'reserve-not-idempotent': {
    bug: 'to reserve again for an order holds its items a second time',
    breaks: 'reservations',
    seams: () => {
      const asked = new Map<string, number>();
      return {
        call: (call) => {
          if (call.appId !== 'inventory' || call.method.localName !== 'reserve') return call;
          // this method's request, which names an order
          const request = call.request as Message & { orderId: string };
          const { orderId } = request;
          const times = asked.get(orderId) ?? 0;
          asked.set(orderId, times + 1);
          if (times === 0) return call;
          const callContext = { ...call.callContext, id: `${call.callContext.id}-${times}` };
          return { ...call, callContext, request: { ...request, orderId: `${orderId}-${times}` } };
        },
      };
    },
  },
  'capture-under-a-new-key': {
    bug: 'the provider is asked again for the same money under another key',
    breaks: 'money',
    seams: () => {
      const asked = new Map<string, number>();
      return {
        sidecar: (_, sidecar) =>
          changed(sidecar, {
            request: (endpoint, request, timeout) => {
              const key = request.headers?.['idempotency-key'] ?? '';
              const times = asked.get(key) ?? 0;
              if (request.path === '/captures') asked.set(key, times + 1);
              const other = times === 0 ? key : `${key}-${times}`;
              const headers = { 'idempotency-key': other };
              return sidecar.request(endpoint, { ...request, headers }, timeout);
            },
          }),
      };
    },
  },
  'stale-read-accepted': {
    bug: 'a write is taken though somebody else wrote after what it was made from was read',
    breaks: 'pieces',
    seams: () => ({
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
    bug: 'an order that is found being cancelled is taken for somebody else’s work',
    breaks: 'ending',
    seams: () => ({
      service: (service) =>
        hearing(service, PlaceOrder.type, (fulfil) => async (data, context, meta) => {
          // the context and data of this service's handler
          const { orders } = context as { orders: { getOrThrow(key: string): Promise<Order> } };
          const { status } = await orders.getOrThrow((data as { orderId: string }).orderId);
          return status === 'cancelling' ? undefined : fulfil(data, context, meta);
        }),
    }),
  },
  'failed-event-acknowledged': {
    bug: 'an event whose handler failed is acknowledged',
    breaks: 'ending',
    seams: () => ({ acknowledge: () => 'SUCCESS' }),
  },
  'new-event-each-time': {
    bug: 'what is said again in a redelivery is another event',
    breaks: 'events',
    seams: () => {
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
  'no-sequence': {
    bug: 'an event does not tell which change of its document it is about',
    breaks: 'sequence',
    seams: () => ({
      sidecar: (_, sidecar) =>
        changed(sidecar, {
          publish: (event, timeout) => sidecar.publish({ ...event, sequence: 1 }, timeout),
        }),
    }),
  },
};

function changed(sidecar: Sidecar, to: Partial<Sidecar>): Sidecar {
  const same: Sidecar = {
    load: (...asked) => sidecar.load(...asked),
    save: (...asked) => sidecar.save(...asked),
    delete: (...asked) => sidecar.delete(...asked),
    publish: (...asked) => sidecar.publish(...asked),
    publishAll: (...asked) => sidecar.publishAll(...asked),
    call: (call) => sidecar.call(call),
    stream: (call) => sidecar.stream(call),
    send: (...asked) => sidecar.send(...asked),
    request: (...asked) => sidecar.request(...asked),
    schedule: (...asked) => sidecar.schedule(...asked),
    unschedule: (...asked) => sidecar.unschedule(...asked),
  };
  return { ...same, ...to };
}

interface Mark {
  by: string;
}

/** A document as it is stored, with other marks; what has none stays as it is. */
function withMarks(value: unknown, change: (marks: Mark[]) => Mark[]): unknown {
  if (typeof value !== 'object' || value === null || !('marks' in value)) return value;
  // as the kit writes them
  return { ...value, marks: change(value.marks as Mark[]) };
}

/** Each mark as if it were there for all changes of its cause. */
function ofAnyChange(marks: Mark[]): Mark[] {
  return marks.flatMap((mark) => {
    const [cause = '', which = ''] = mark.by.split('#');
    if (!/^\d+$/.test(which)) return [mark];
    return [0, 1, 2, 3].map((ordinal) => ({ ...mark, by: `${cause}#${ordinal}` }));
  });
}

/** The service with another handler of an event in front of its own. */
function hearing(
  service: AnyService,
  type: string,
  instead: (own: Handler) => Handler,
): AnyService {
  const heard = service.events.get(type);
  if (heard === undefined) return service;
  const { name, definition, methods, bindings, jobs, schedules, intervalTasks, ingest } = service;
  const { subscribesTo, topics } = service;
  const handle = instead(heard.handle as Handler);
  const events = new Map(service.events).set(type, { ...heard, handle });
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
