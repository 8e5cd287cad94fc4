import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The metrics of every service, in a registry of their own. */
export class Metrics {
  readonly registry = new Registry();
  readonly #registers = { registers: [this.registry] };

  readonly httpRequests = new Counter({
    name: 'http_requests_total',
    help: 'Requests answered at the edge',
    labelNames: ['method', 'endpoint', 'status'] as const,
    ...this.#registers,
  });
  readonly httpDuration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer a request at the edge',
    labelNames: ['method', 'endpoint'] as const,
    buckets: SECONDS,
    ...this.#registers,
  });
  readonly rpcs = new Counter({
    name: 'rpc_requests_total',
    help: 'Calls answered, by method and grpc status',
    labelNames: ['method', 'code'] as const,
    ...this.#registers,
  });
  readonly rpcDuration = new Histogram({
    name: 'rpc_request_duration_seconds',
    help: 'Time to answer a call',
    labelNames: ['method'] as const,
    buckets: SECONDS,
    ...this.#registers,
  });
  readonly eventsPublished = new Counter({
    name: 'events_published_total',
    help: 'Events published, by type',
    labelNames: ['type'] as const,
    ...this.#registers,
  });
  readonly eventsHandled = new Counter({
    name: 'events_handled_total',
    help: 'Events handled, by type and outcome',
    labelNames: ['type', 'outcome'] as const,
    ...this.#registers,
  });
  readonly eventsRejected = new Counter({
    name: 'events_rejected_total',
    help: 'Events that were not taken, by the topic on which they arrived and the reason',
    labelNames: ['topic', 'reason'] as const,
    ...this.#registers,
  });
  readonly eventsParked = new Gauge({
    name: 'events_parked',
    help: 'Events that wait until a dependency is available, in all replicas, as this one knows',
    labelNames: ['dependency'] as const,
    ...this.#registers,
  });
  readonly eventsParkedAge = new Gauge({
    name: 'events_parked_oldest_seconds',
    help: 'Since when events have been waiting for a dependency without a break',
    labelNames: ['dependency'] as const,
    ...this.#registers,
  });
  readonly criticalTime = new Histogram({
    name: 'event_critical_time_seconds',
    help: 'Time from the publishing of an event to the end of its handling',
    labelNames: ['type'] as const,
    buckets: SECONDS,
    ...this.#registers,
  });
  readonly batchSize = new Histogram({
    name: 'event_batch_size',
    help: 'Events in one batch, for subscriptions with batches',
    buckets: [1, 2, 5, 10, 20, 50, 100],
    ...this.#registers,
  });
  readonly bindingMessages = new Counter({
    name: 'binding_messages_total',
    help: 'Messages of input bindings, by outcome',
    labelNames: ['binding', 'outcome'] as const,
    ...this.#registers,
  });
  readonly ingestRefused = new Counter({
    name: 'ingest_streams_refused_total',
    help: 'Streams of external clients that were refused or ended unauthenticated, by reason',
    labelNames: ['reason'] as const,
    ...this.#registers,
  });
  readonly deadLetters = new Gauge({
    name: 'dead_letters',
    help: 'Dead letters that no operator has replayed or discarded',
    ...this.#registers,
  });
  readonly conflicts = new Counter({
    name: 'document_conflicts_total',
    help: 'Writes that were retried because another writer was first',
    labelNames: ['store'] as const,
    ...this.#registers,
  });
  readonly inboxEntriesDropped = new Counter({
    name: 'document_marks_dropped_total',
    help: 'Inbox entries that a document dropped before they expired',
    labelNames: ['store'] as const,
    ...this.#registers,
  });

  /** Adds the metrics of the process: CPU, memory, event loop. */
  collectProcessMetrics(): void {
    // the default samples the event loop every 10 ms, which is most of the CPU time of an idle service
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: 100 });
  }
}
