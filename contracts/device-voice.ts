import { type Kind, signedMessage, signatureOf, topicText } from '#contracts/device-messages';

/** What is sent: where, and what. */
export interface Signed {
  readonly topic: string;
  readonly payload: string;
}

/** The device's side of its messages, since one start of it: numbers them and signs them. */
export class DeviceVoice {
  readonly #numbers = new Map<Kind, number>();

  constructor(
    private readonly device: { tenantId: string; deviceId: string; credential: string },
    readonly boot: string,
    /** Milliseconds since the epoch, by the device's clock. */
    private readonly now: () => number,
  ) {}

  /** The next message of a kind; `seq` where it shall have another number than the next. */
  says(kind: Kind, data: unknown, { seq, v = 1 }: { seq?: number; v?: number } = {}): Signed {
    const next = seq ?? (this.#numbers.get(kind) ?? 0) + 1;
    if (seq === undefined) this.#numbers.set(kind, next);
    return this.#signed(kind, next, data, v);
  }

  /** What the broker shall say when the connection is lost; to be made anew for each connection. */
  lastWill(): Signed {
    return this.#signed('status', 0, { status: 'offline', will: true }, 1);
  }

  /** What the platform has told this device to do. Undefined where that is not signed for it. */
  hears(payload: string): unknown {
    const end = payload.lastIndexOf('\n');
    const line = payload.slice(0, Math.max(end, 0));
    const { tenantId, deviceId, credential } = this.device;
    const right = signatureOf(credential, topicText({ tenantId, deviceId, kind: 'command' }), line);
    return payload.slice(end + 1) === right ? (JSON.parse(line) as unknown) : undefined;
  }

  #signed(kind: Kind, seq: number, data: unknown, v: number): Signed {
    const { tenantId, deviceId, credential } = this.device;
    const topic = topicText({ tenantId, deviceId, kind });
    const at = new Date(this.now()).toISOString();
    return {
      topic,
      payload: signedMessage(credential, topic, { v, boot: this.boot, seq, at, data }),
    };
  }
}
