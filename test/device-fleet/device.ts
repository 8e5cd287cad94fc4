import { randomUUID } from 'node:crypto';
import {
  DeviceCommandMessage,
  type Kind,
  signedLine,
  signedMessage,
  topicText,
} from '#contracts/device-messages';
import type { SeededRandom } from '../tools/seeded-random';
import type { Ledger, Misdeed } from './ledger';
import { Link } from './link';
import { type Message, Outbox } from './outbox';
import type { DevicePlan } from './plan';

/** A device as it is registered at the platform. */
export interface Identity {
  readonly tenantId: string;
  readonly deviceId: string;
  readonly shopId: string;
  readonly userName: string;
  readonly credential: string;
}

/** A product as it is in the platform's catalogue. */
export interface Goods {
  readonly productId: string;
  readonly priceMinor: number;
}

/** What all devices of a fleet share. */
export interface Environment {
  /** The URL of the MQTT broker. */
  readonly broker: string;
  readonly ledger: Ledger;
  /** By the product names of the plan. */
  readonly goods: ReadonlyMap<string, Goods>;
}

const DUPLICATED = 0.04;
const OVERTAKEN = 0.04;
const HEARTBEAT_MS = 30_000;
/** Milliseconds that a bad clock is ahead, or the time that it shows when it was set. */
const BAD_CLOCKS: readonly ((now: number) => number)[] = [
  () => 0,
  () => 60_000,
  () => -600_000,
  () => 600_000,
  () => -365 * 86_400_000,
  (now) => -now,
  (now) => Date.parse('2038-01-19T03:14:07Z') - now,
];
const FIRMWARE = '2.1.0';

/** A device of any kind: it numbers and signs its messages, and is offline now and then. */
export abstract class Device {
  readonly outbox: Outbox;
  readonly #link: Link;
  readonly #numbers = new Map<Kind, number>();
  #boot = randomUUID();
  #aheadMs = 0;
  #heartbeat: NodeJS.Timeout | undefined;
  #offline: NodeJS.Timeout | undefined;
  #isOn = false;
  /** It has left for good. */
  hasLeft = false;

  constructor(
    readonly plan: DevicePlan,
    readonly identity: Identity,
    protected readonly environment: Environment,
    protected readonly random: SeededRandom,
  ) {
    this.outbox = new Outbox(random, { duplicated: DUPLICATED, overtaken: OVERTAKEN });
    if (plan.hasBadClock) this.setClock();
    const { deviceId, userName, credential } = identity;
    const account = { clientId: deviceId, username: userName, password: credential };
    this.#link = new Link(environment.broker, account, {
      topic: this.#topic('command'),
      received: (payload) => {
        this.#command(payload);
      },
    });
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  /** Something happens that it reports. */
  abstract act(): void;

  /** Carries out a command, and acknowledges it or not. */
  protected abstract execute(command: DeviceCommandMessage): void;

  connect(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    const nextWill = () => this.#signed('status', 0, { status: 'offline', will: true });
    this.#link.open(nextWill, () => {
      // after each connection, as the broker may have published the last will
      this.report('status', { status: 'online', firmwareVersion: FIRMWARE }, { steady: true });
      this.outbox.open((message) => this.#link.send(message));
    });
    this.#heartbeat = setInterval(() => {
      if (this.isUp) this.report('status', { status: 'online' }, { steady: true });
    }, HEARTBEAT_MS);
  }

  /** Loses its connection for a while; what happens meanwhile is reported later. */
  goOffline(forMs: number, restarts: boolean): void {
    if (!this.#isOn || this.hasLeft) return;
    this.#suspend();
    this.#link.drop();
    this.#offline = setTimeout(() => {
      this.#offline = undefined;
      if (restarts) this.restart();
      this.connect();
    }, forMs);
  }

  /** Connects now, if it is offline. */
  comeBack(): void {
    if (this.hasLeft) return;
    clearTimeout(this.#offline);
    this.#offline = undefined;
    this.connect();
  }

  /** Leaves for good without a message, once the broker has all of its messages. */
  depart(): void {
    this.hasLeft = true;
    clearTimeout(this.#offline);
    this.#offline = undefined;
    this.connect();
    const leaving = setInterval(() => {
      if (this.outbox.size > 0) return;
      clearInterval(leaving);
      this.#suspend();
      this.#link.drop();
    }, 500);
  }

  async close(): Promise<void> {
    this.hasLeft = true;
    clearTimeout(this.#offline);
    this.#suspend();
    await this.#link.close();
  }

  /** Restarts: its messages are numbered from 1 again, and a bad clock shows any time. */
  restart(): void {
    this.#boot = randomUUID();
    this.#numbers.clear();
    if (this.plan.hasBadClock) this.setClock();
  }

  /** Sets its clock to any time: back, forward, or right. */
  setClock(): void {
    this.#aheadMs = this.random.pick(BAD_CLOCKS)(Date.now());
  }

  report(kind: Kind, data: unknown, how: { steady?: boolean; delivered?: () => void } = {}): void {
    this.outbox.put(this.#signed(kind, this.#next(kind), data), how);
  }

  /** Sends a message that the platform must refuse. */
  misbehave(misdeed: Misdeed): void {
    const delivered = () => {
      this.environment.ledger.misdeed(this.identity.deviceId, misdeed);
    };
    this.outbox.put(this.#badMessage(misdeed), { steady: true, delivered });
  }

  #badMessage(misdeed: Misdeed): Message {
    const topic = this.#topic('telemetry');
    const { credential } = this.identity;
    const data = { celsius: 4 };
    const envelope = { v: 1, boot: randomUUID(), seq: 1, at: this.#time(), data };
    switch (misdeed) {
      case 'unreadable':
        return { topic, payload: signedMessage(credential, topic, { ...envelope, data: 'cold' }) };
      case 'wrong_signature': {
        // a theft in the place of the next message, signed with the wrong key
        const stock = this.#topic('stock');
        const seq = (this.#numbers.get('stock') ?? 0) + 1;
        const productId =
          this.environment.goods.get(this.plan.products[0] ?? '')?.productId ?? 'none';
        const theft = {
          ...envelope,
          seq,
          boot: this.#boot,
          data: { mode: 'delta', productId, change: -5 },
        };
        return { topic: stock, payload: signedMessage('another-key', stock, theft) };
      }
      case 'oversized':
        return {
          topic,
          payload: signedMessage(credential, topic, { ...envelope, filler: 'x'.repeat(66_000) }),
        };
      case 'out_of_range':
        return {
          topic,
          payload: signedMessage(credential, topic, { ...envelope, data: { celsius: 1e300 } }),
        };
      case 'not_utf8': {
        const text = signedMessage(credential, topic, envelope);
        return { topic, payload: Buffer.concat([Buffer.from([0xff]), Buffer.from(text)]) };
      }
    }
  }

  #command(payload: string): void {
    const { credential } = this.identity;
    const line = signedLine([credential], this.#topic('command'), payload);
    const command = DeviceCommandMessage.safeParse(line === undefined ? line : JSON.parse(line));
    if (command.success) this.execute(command.data);
    else this.environment.ledger.forged++;
  }

  #suspend(): void {
    this.#isOn = false;
    clearInterval(this.#heartbeat);
    this.outbox.close();
  }

  #next(kind: Kind): number {
    const next = (this.#numbers.get(kind) ?? 0) + 1;
    this.#numbers.set(kind, next);
    return next;
  }

  #signed(kind: Kind, seq: number, data: unknown): Message {
    const topic = this.#topic(kind);
    const message = { v: 1, boot: this.#boot, seq, at: this.#time(), data };
    return { topic, payload: signedMessage(this.identity.credential, topic, message) };
  }

  #topic(kind: Kind | 'command'): string {
    const { tenantId, deviceId } = this.identity;
    return topicText({ tenantId, deviceId, kind });
  }

  /** By its own clock. A machine still knows how long ago it received a command. */
  #time(): string {
    return new Date(Date.now() + this.#aheadMs).toISOString();
  }
}
