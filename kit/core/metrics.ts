import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What every service counts, in a registry of its own. */
export class Metrics {
  readonly registry = new Registry();
  readonly #all = { registers: [this.registry] };

  readonly httpRequests = new Counter({
    name: 'http_requests_total',
    help: 'Requests answered at the edge',
    labelNames: ['method', 'endpoint', 'status'] as const,
    ...this.#all,
  });
  readonly httpDuration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer a request at the edge',
    labelNames: ['method', 'endpoint'] as const,
    buckets: SECONDS,
    ...this.#all,
  });
  readonly rpcs = new Counter({
    name: 'rpc_requests_total',
    help: 'Calls answered, by method and grpc status',
    labelNames: ['method', 'code'] as const,
    ...this.#all,
  });
  readonly rpcDuration = new Histogram({
    name: 'rpc_request_duration_seconds',
    help: 'Time to answer a call',
    labelNames: ['method'] as const,
    buckets: SECONDS,
    ...this.#all,
  });
  readonly eventsPublished = new Counter({
    name: 'events_published_total',
    help: 'Events said, by type',
    labelNames: ['type'] as const,
    ...this.#all,
  });
  readonly eventsHandled = new Counter({
    name: 'events_handled_total',
    help: 'Events handled, by type and outcome',
    labelNames: ['type', 'outcome'] as const,
    ...this.#all,
  });
  readonly criticalTime = new Histogram({
    name: 'event_critical_time_seconds',
    help: 'From when an event was said to when it was handled',
    labelNames: ['type'] as const,
    buckets: SECONDS,
    ...this.#all,
  });
  readonly batchSize = new Histogram({
    name: 'event_batch_size',
    help: 'Events that the sidecar handed over at once, where a service takes them so',
    buckets: [1, 2, 5, 10, 20, 50, 100],
    ...this.#all,
  });
  readonly bindingMessages = new Counter({
    name: 'binding_messages_total',
    help: 'Messages of input bindings, by what became of them',
    labelNames: ['binding', 'outcome'] as const,
    ...this.#all,
  });
  readonly deadLetters = new Gauge({
    name: 'dead_letters',
    help: 'Dead letters that wait for an operator',
    ...this.#all,
  });
  readonly conflicts = new Counter({
    name: 'document_conflicts_total',
    help: 'Writes that were tried again because somebody else wrote in between',
    labelNames: ['store'] as const,
    ...this.#all,
  });
  readonly inboxEntriesDropped = new Counter({
    name: 'document_marks_dropped_total',
    help: 'Marks of changes that a document lost before their time',
    labelNames: ['store'] as const,
    ...this.#all,
  });

  /** Adds the process's own figures: CPU, memory, event loop. */
  collectProcessMetrics(): void {
    // the default looks at the event loop every 10 ms, which is most of what an idle service costs
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: 100 });
  }
}
