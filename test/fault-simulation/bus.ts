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
  readonly to: Hearer;
  acknowledged: boolean;
  deliveries: number;
  /** When it is given to somebody else, unless it is acknowledged before. */
  readonly reclaims: Entry[];
}

interface Hearer {
  readonly app: string;
  readonly processes: readonly SimulatedProcess[];
  readonly random: SeededRandom;
}

/**
 * The bus, with the sidecars' part in it: each event to one process of each app that hears it,
 * again by the same sidecar until it is taken, and to any of them when it was not acknowledged
 * within the time for it. In no order.
 */
export class Bus {
  readonly #hearers = new Map<string, Hearer[]>();

  constructor(private readonly simulation: Simulation) {}

  subscribe(app: string, processes: readonly SimulatedProcess[], types: readonly string[]): void {
    const hearer = { app, processes, random: this.simulation.random(`bus ${app}`) };
    for (const type of types) {
      this.#hearers.set(type, [...(this.#hearers.get(type) ?? []), hearer]);
    }
  }

  publish(event: CloudEvent): void {
    const { simulation } = this;
    simulation.count('events published');
    for (const to of this.#hearers.get(event.type) ?? []) {
      const message = { event, to, acknowledged: false, deliveries: 0, reclaims: [] };
      const fault = simulation.faults.take(`${to.app} delivery`, simulation.loop.now);
      const hit = fault?.kind === 'delivery' ? fault : undefined;
      this.#give(message, hit?.way === 'late' ? hit.ms : 0, hit?.way === 'unacknowledged');
      if (hit?.way === 'twice') this.#give(message, hit.ms, false);
    }
  }

  /** Gives it to a process, and to another one after that where it stays unacknowledged. */
  #give(message: Message, after: number, loseAcknowledgement: boolean): void {
    const { loop } = this.simulation;
    const { random, processes } = message.to;
    loop.after(after + random.delay(SOON_MS, LATE_MS), () => {
      const reclaim = PROCESSING_TIMEOUT_MS + REDELIVER_INTERVAL_MS * random.next();
      message.reclaims.push(
        loop.after(reclaim, () => {
          if (!message.acknowledged) this.#give(message, 0, false);
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
    if (message.deliveries++ > 0) simulation.count('redeliveries');
    if (trace) simulation.note(process.name, `hears ${name}`);
    process.serve(
      (runtime) => runtime.deliver(event),
      (outcome) => {
        const said = simulation.mutant?.acknowledge?.(outcome) ?? outcome;
        if (trace) simulation.note(process.name, `${said.toLowerCase()} ${name}`);
        if (said !== 'SUCCESS') {
          simulation.count('deliveries to be retried');
          again();
        } else if (!loseAcknowledgement) {
          loop.after(random.delay(SOON_MS, LATE_MS), () => {
            message.acknowledged = true;
            for (const reclaim of message.reclaims) reclaim.run = undefined;
          });
        }
      },
      // its sidecar lives and tries again, or is gone as well: then the bus gives it to somebody
      random.likely() ? again : () => {},
    );
  }
}
