import type { Caller } from '#kit/core/caller';
import type { Clock } from '#kit/core/clock';
import type { CloudEvent } from '#kit/messages/cloud-event';
import { ServiceRuntime } from '#kit/runtime/service-runtime';
import { silentLog } from '#kit/core/log';
import { OPEN_BUS } from '#kit/testing/open-bus';
import { Metrics } from '#kit/core/metrics';
import type { AnyService } from '#kit/service/service';
import type { Sidecar } from '#kit/transport/sidecar';

/** The two sample services, running on one transport. */
export interface SampleSystem {
  readonly order: { runtime: ServiceRuntime; sidecar: Sidecar };
  readonly inventory: { runtime: ServiceRuntime; sidecar: Sidecar };
  readonly clock: Clock;
  /** The proof of a user, as the edge signs it. */
  assertionOf(caller: Caller): Promise<string>;
  /** Publishes a message on the topic of the input binding. */
  device(topic: string, payload: string): Promise<void>;
  /** Publishes any event, as another program might. */
  publish(event: CloudEvent): Promise<void>;
  /** Waits until `holds` is true; rejects after a time that is ample for the transport. */
  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

/** A system for tests that run in memory only. */
export interface SampleBusSystem extends SampleSystem {
  /**
   * Another process of the requesting service, without subscriptions: its requests are answered to the
   * first process.
   */
  readonly replica: ServiceRuntime;
  /** The batches that the requesting service got so far, and the events in them. */
  batches(): Promise<{ count: number; events: number }>;
}

/** Another process of a service, without subscriptions, on this sidecar. */
export function runtimeOn(service: AnyService, sidecar: Sidecar, clock: Clock): ServiceRuntime {
  const none = { enabled: async () => false, value: async () => undefined };
  const flags = { for: () => none, ready: async () => undefined, close: async () => undefined };
  return new ServiceRuntime(service, {
    ...{ sidecar, clock, flags, random: () => Math.random() },
    ...{ ...OPEN_BUS, log: silentLog, metrics: new Metrics(), config: undefined },
  });
}

export async function batchesOf({
  metrics,
}: ServiceRuntime): Promise<{ count: number; events: number }> {
  const { values } = await metrics.batchSize.get();
  const of = (part: string) =>
    values.find(({ metricName }) => metricName === `event_batch_size_${part}`)?.value ?? 0;
  return { count: of('count'), events: of('sum') };
}
