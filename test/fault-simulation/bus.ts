import type { CloudEvent } from '#kit/messages/cloud-event';
import type { SeededRandom } from '../tools/seeded-random';
import type { Entry } from './loop';
import { EVENT_PAUSE_MS, PROCESSING_TIMEOUT_MS, REDELIVER_INTERVAL_MS } from './policies';
import type { SimulatedProcess } from './simulated-process';
import type { Simulation } from './simulation';

const SOON_MS = 1;
const LATE_MS = 30;

interface Message {
  readonly event: CloudEvent;
  readonly to: Subscriber;
  acknowledged: boolean;
  deliveries: number;
  /** The redelivery timers, which an acknowledgement cancels. */
  readonly reclaims: Entry[];
}

interface Subscriber {
  readonly app: string;
  readonly processes: readonly SimulatedProcess[];
  readonly random: SeededRandom;
}

/**
 * The bus with the delivery of the sidecars: each event goes to one process of each subscribed app, again
 * from the same sidecar until it is acknowledged, and to any process if it was not acknowledged within
 * the processing timeout. There is no order.
 */
export class Bus {
  readonly #subscribers = new Map<string, Subscriber[]>();

  constructor(private readonly simulation: Simulation) {}

  subscribe(app: string, processes: readonly SimulatedProcess[], types: readonly string[]): void {
    const subscriber = { app, processes, random: this.simulation.random(`bus ${app}`) };
    for (const type of types) {
      this.#subscribers.set(type, [...(this.#subscribers.get(type) ?? []), subscriber]);
    }
  }

  publish(event: CloudEvent): void {
    const { simulation } = this;
    simulation.count('events published');
    for (const to of this.#subscribers.get(event.type) ?? []) {
      const message = { event, to, acknowledged: false, deliveries: 0, reclaims: [] };
      const fault = simulation.faults.take(`${to.app} delivery`, simulation.loop.now);
      const hit = fault?.kind === 'delivery' ? fault : undefined;
      this.#dispatch(message, hit?.way === 'late' ? hit.ms : 0, hit?.way === 'unacknowledged');
      if (hit?.way === 'twice') this.#dispatch(message, hit.ms, false);
    }
  }

  /** Delivers to one process, and to another one later if it stays unacknowledged. */
  #dispatch(message: Message, after: number, loseAcknowledgement: boolean): void {
    const { loop } = this.simulation;
    const { random, processes } = message.to;
    loop.after(after + random.delay(SOON_MS, LATE_MS), () => {
      const reclaim = PROCESSING_TIMEOUT_MS + REDELIVER_INTERVAL_MS * random.next();
      message.reclaims.push(
        loop.after(reclaim, () => {
          if (!message.acknowledged) this.#dispatch(message, 0, false);
        }),
      );
      this.#deliver(message, random.pick(processes), loseAcknowledgement);
    });
  }

  #deliver(message: Message, process: SimulatedProcess, loseAcknowledgement: boolean): void {
    const { simulation } = this;
    const { loop, trace } = simulation;
    const { event } = message;
    const { random } = message.to;
    const name = `${event.type} ${event.subject} (${event.id})`;
    const again = () => {
      loop.after(EVENT_PAUSE_MS, () => {
        this.#deliver(message, process, loseAcknowledgement);
      });
    };
    if (!process.isUp) {
      again();
      return;
    }
    simulation.happened(process.program, event, 'arrived');
    if (message.deliveries++ > 0) simulation.count('redeliveries');
    if (trace) simulation.note(process.name, `handles ${name}`);
    process.serve(
      (runtime) => runtime.deliver(event, event.type),
      (outcome) => {
        const status = simulation.mutant?.acknowledge?.(outcome) ?? outcome;
        if (trace) simulation.note(process.name, `${status.toLowerCase()} ${name}`);
        if (status === 'SUCCESS') simulation.happened(process.program, event, 'acknowledged');
        if (status !== 'SUCCESS') {
          simulation.count('deliveries to be retried');
          again();
        } else if (!loseAcknowledgement) {
          loop.after(random.delay(SOON_MS, LATE_MS), () => {
            message.acknowledged = true;
            for (const reclaim of message.reclaims) reclaim.run = undefined;
          });
        }
      },
      // its sidecar is alive and retries, or is gone too: then the bus redelivers after the timeout
      random.likely() ? again : () => {},
    );
  }
}
