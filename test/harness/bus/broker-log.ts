import type { RunningSystem } from '../running-system';
import { KafkaLog } from './kafka-log';
import { RabbitLog } from './rabbit-log';
import { RedisLog } from './redis-log';

/** An event in the log of the broker. */
export interface Entry {
  /** When it was published, in milliseconds since the epoch, and a number: `1700000000000-7`. */
  readonly entry: string;
  readonly topic: string;
  /** The event itself, as published: JSON. */
  readonly text: string;
  /** Headers or other fields that the broker stores with it. */
  readonly beside: string;
}

/** The progress of a consumer of a topic. */
export interface Group {
  readonly topic: string;
  /** The consuming service. */
  readonly name: string;
  /** Entries delivered and not acknowledged; 0 where the broker does not count them apart from `lag`. */
  readonly pending: number;
  /** Entries not delivered yet. */
  readonly lag: number;
}

/** The broker's own log, read directly and not through a proxy or a sidecar. */
export interface BrokerLog {
  /** Makes the broker keep every event that is published from now on, where it would not anyway. */
  keep(): Promise<void>;
  /** Every event of every topic in the order of publication, consumed or not. */
  entries(): Promise<Entry[]>;
  /** The consumers of every topic and their progress. Rejects while the broker is unavailable. */
  groups(): Promise<Group[]>;
}

export function brokerLog(system: RunningSystem): BrokerLog {
  const { name } = system.broker;
  switch (name) {
    case 'redis':
      return new RedisLog(system.broker.port);
    case 'rabbitmq':
      return RabbitLog.of(system.broker);
    case 'kafka':
      return new KafkaLog(system.broker.port, system.subscriptions);
    default:
      throw new Error(`the log of ${name} cannot be read`);
  }
}
