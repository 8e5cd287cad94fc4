import {
  type Kind,
  signedMessage,
  signatureOf,
  streamTopic,
  topicText,
} from '#contracts/device-messages';

/** A message as a device publishes it. */
export interface SignedMessage {
  readonly topic: string;
  /** The message as a line of JSON, then its signature. */
  readonly payload: string;
}

/**
 * The device's side of the protocol: numbers and signs its messages, and verifies commands. Create one
 * for each start of the device, because `boot` identifies the start and numbers begin at 1 with it.
 */
export class DeviceMessageSigner {
  readonly #numbers = new Map<Kind, number>();

  constructor(
    private readonly device: { tenantId: string; deviceId: string; credential: string },
    readonly boot: string,
    /** Milliseconds since the epoch, by the device's clock. */
    private readonly now: () => number,
    /** The number of the start, if the device counts its starts. */
    private readonly start?: number,
  ) {}

  /** The next message of a kind. `seq` overrides its number, and does not count. */
  sign(
    kind: Kind,
    data: unknown,
    { seq, v = 1 }: { seq?: number; v?: number } = {},
  ): SignedMessage {
    const next = seq ?? (this.#numbers.get(kind) ?? 0) + 1;
    if (seq === undefined) this.#numbers.set(kind, next);
    return this.#signed(kind, next, data, v);
  }

  /**
   * The message that the broker publishes when the connection is lost. It contains the time, so sign
   * another for each connection.
   */
  lastWill(): SignedMessage {
    return this.#signed('status', 0, { status: 'offline', will: true }, 1);
  }

  /** The opening of a gRPC stream: the answer to the challenge that is the stream's first message. */
  answerChallenge(nonce: string): { tenantId: string; deviceId: string; signature: string } {
    const { tenantId, deviceId, credential } = this.device;
    return {
      tenantId,
      deviceId,
      signature: signatureOf(credential, streamTopic(this.device), nonce),
    };
  }

  /** The content of a command. Undefined if the platform did not sign it for this device. */
  verifyCommand(payload: string): unknown {
    const end = payload.lastIndexOf('\n');
    const line = payload.slice(0, Math.max(end, 0));
    const { tenantId, deviceId, credential } = this.device;
    const topic = topicText({ tenantId, deviceId, kind: 'command' });
    const expected = signatureOf(credential, topic, line);
    return payload.slice(end + 1) === expected ? (JSON.parse(line) as unknown) : undefined;
  }

  #signed(kind: Kind, seq: number, data: unknown, v: number): SignedMessage {
    const { tenantId, deviceId, credential } = this.device;
    const topic = topicText({ tenantId, deviceId, kind });
    const at = new Date(this.now()).toISOString();
    return {
      topic,
      payload: signedMessage(credential, topic, {
        v,
        boot: this.boot,
        start: this.start,
        seq,
        at,
        data,
      }),
    };
  }
}
