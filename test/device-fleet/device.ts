import { randomUUID } from 'node:crypto';
import {
  DeviceCommandMessage,
  type Kind,
  signedLine,
  signedMessage,
  topicText,
} from '#contracts/device-messages';
import type { Chance } from '../chaos/chance';
import type { Ledger, Misdeed } from './ledger';
import { Link } from './link';
import { type Message, Outbox } from './outbox';
import type { DevicePlan } from './plan';

/** A device as the platform knows it. */
export interface Identity {
  readonly tenantId: string;
  readonly deviceId: string;
  readonly shopId: string;
  readonly userName: string;
  readonly credential: string;
}

/** A product as the platform knows it. */
export interface Goods {
  readonly productId: string;
  readonly priceMinor: number;
}

export interface World {
  readonly broker: string;
  readonly ledger: Ledger;
  /** By the names of the plan. */
  readonly goods: ReadonlyMap<string, Goods>;
}

const TWICE = 0.04;
const PASSED = 0.04;
const HEARTBEAT_MS = 30_000;
const MISDEED_MS = {
  oversized: 0,
  unreadable: 0,
  wrong_signature: 0,
  from_the_future: 600_000,
  too_old: -8 * 86_400_000,
};
const FIRMWARE = '2.1.0';

/** What all devices have in common: they number and sign what they say, and are away for a while. */
export abstract class Device {
  readonly outbox: Outbox;
  readonly #link: Link;
  readonly #numbers = new Map<Kind, number>();
  #boot = randomUUID();
  #heartbeat: NodeJS.Timeout | undefined;
  #away: NodeJS.Timeout | undefined;
  #isOn = false;
  /** It does nothing any more. */
  isGone = false;

  constructor(
    readonly plan: DevicePlan,
    readonly identity: Identity,
    protected readonly world: World,
    protected readonly chance: Chance,
  ) {
    this.outbox = new Outbox(chance, { twice: TWICE, passed: PASSED });
    const { deviceId, userName, credential } = identity;
    const account = { clientId: deviceId, username: userName, password: credential };
    this.#link = new Link(world.broker, account, {
      topic: this.#topic('command'),
      heard: (payload) => {
        this.#command(payload);
      },
    });
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  /** Something happens that it has to tell of. */
  abstract act(): void;

  /** Is told to do something; the answer is its acknowledgement, or none. */
  protected abstract obey(command: DeviceCommandMessage): void;

  connect(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#link.open(this.#signed('status', 0, { status: 'offline', will: true }), () => {
      // after each connection, as the will may have been said meanwhile
      this.say('status', { status: 'online', firmwareVersion: FIRMWARE }, { steady: true });
      this.outbox.open((message) => this.#link.send(message));
    });
    this.#heartbeat = setInterval(() => {
      if (this.isUp) this.say('status', { status: 'online' }, { steady: true });
    }, HEARTBEAT_MS);
  }

  /** Is away for a while, from one moment to the next; what happens is told later. */
  fall(forMs: number, starts: boolean): void {
    if (!this.#isOn || this.isGone) return;
    this.#leave();
    this.#link.drop();
    this.#away = setTimeout(() => {
      this.#away = undefined;
      if (starts) this.restart();
      this.connect();
    }, forMs);
  }

  /** Comes back at once, where it is away for a while. */
  rise(): void {
    if (this.isGone) return;
    clearTimeout(this.#away);
    this.#away = undefined;
    this.connect();
  }

  /** Will go for good, without a word, once all that it has said is with the broker. */
  depart(): void {
    this.isGone = true;
    clearTimeout(this.#away);
    this.#away = undefined;
    this.connect();
    const goes = setInterval(() => {
      if (this.outbox.size > 0) return;
      clearInterval(goes);
      this.#leave();
      this.#link.drop();
    }, 500);
  }

  async close(): Promise<void> {
    this.isGone = true;
    clearTimeout(this.#away);
    this.#leave();
    await this.#link.close();
  }

  /** Starts anew: its messages are counted from 1 again. */
  restart(): void {
    this.#boot = randomUUID();
    this.#numbers.clear();
  }

  say(kind: Kind, data: unknown, how: { steady?: boolean; had?: () => void } = {}): void {
    this.outbox.put(this.#signed(kind, this.#next(kind), data), how);
  }

  /** Sends what no device should. */
  misbehave(misdeed: Misdeed): void {
    const had = () => {
      this.world.ledger.misdeed(this.identity.deviceId, misdeed);
    };
    this.outbox.put(this.#bad(misdeed), { steady: true, had });
  }

  #bad(misdeed: Misdeed): Message {
    const topic = this.#topic('telemetry');
    const { credential } = this.identity;
    const at = this.#time(MISDEED_MS[misdeed]);
    const data = { celsius: 4 };
    const envelope = { v: 1, boot: randomUUID(), seq: 1, at, data };
    switch (misdeed) {
      case 'unreadable':
        return { topic, payload: signedMessage(credential, topic, { ...envelope, data: 'cold' }) };
      case 'wrong_signature': {
        // as if it sold nothing and took all, in the place of the next message
        const stock = this.#topic('stock');
        const seq = (this.#numbers.get('stock') ?? 0) + 1;
        const productId = this.world.goods.get(this.plan.products[0] ?? '')?.productId ?? 'none';
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
      case 'from_the_future':
      case 'too_old':
        return { topic, payload: signedMessage(credential, topic, envelope) };
    }
  }

  #command(payload: string): void {
    const { credential } = this.identity;
    const line = signedLine([credential], this.#topic('command'), payload);
    const command = DeviceCommandMessage.safeParse(line === undefined ? line : JSON.parse(line));
    if (command.success) this.obey(command.data);
    else this.world.ledger.forged++;
  }

  #leave(): void {
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
    const message = { v: 1, boot: this.#boot, seq, at: this.#time(this.plan.skewMs), data };
    return { topic, payload: signedMessage(this.identity.credential, topic, message) };
  }

  #topic(kind: Kind | 'command'): string {
    const { tenantId, deviceId } = this.identity;
    return topicText({ tenantId, deviceId, kind });
  }

  #time(aheadMs: number): string {
    return new Date(Date.now() + aheadMs).toISOString();
  }
}
