import type { RunningSystem } from '../running-system';
import { KafkaLog } from './kafka-log';
import { RabbitLog } from './rabbit-log';
import { RedisLog } from './redis-log';

/** An event as the broker has it. */
export interface Entry {
  /** When it was said, in milliseconds since the epoch, and a number: `1700000000000-7`. */
  readonly entry: string;
  readonly topic: string;
  /** The event itself, as it was said: JSON. */
  readonly text: string;
  /** What else the broker keeps with it. */
  readonly beside: string;
}

/** How far the consumers of a topic are. */
export interface Group {
  readonly topic: string;
  /** The service. */
  readonly name: string;
  /** Entries that were given out and are not acknowledged; 0 where a broker does not tell them apart. */
  readonly pending: number;
  /** Entries that were not given out yet. */
  readonly lag: number;
}

/** What the broker itself has, read past everything that stands in front of it. */
export interface BrokerLog {
  /** Has the broker keep every event that is said from now on, where it would not by itself. */
  keep(): Promise<void>;
  /** Every event of every topic, in the order in which they were said, whoever has read it. */
  entries(): Promise<Entry[]>;
  /** Whoever hears a topic, and how far. Rejects while the broker is away. */
  groups(): Promise<Group[]>;
}

export function brokerLog(system: RunningSystem): BrokerLog {
  const { name } = system.broker;
  switch (name) {
    case 'redis':
      return new RedisLog(system.broker.port);
    case 'rabbitmq':
      return new RabbitLog(system.broker);
    case 'kafka':
      return new KafkaLog(system.broker.port, system.subscriptions);
    default:
      throw new Error(`nobody can read what ${name} has`);
  }
}
