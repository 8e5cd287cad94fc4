import { type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../core/clock';
import { Code, MicroserviceError, unavailable } from '../core/errors';
import type { Log } from '../core/log';
import type { CloudEvent } from '../messages/cloud-event';
import { type EventSignatures, NO_SIGNATURES } from '../messages/event-signatures';
import { signedContent } from '../messages/signed-content';
import { PublicKeyRing } from './public-key-ring';
import { ALGORITHM, type SigningKey, loadSigningKey } from './service-keys';

/** Distinguishes the signature of an event from a service token, which the same key signs. */
const TYPE = 'event';
const DIGEST = 'sha256';
/** The form of a signature in a JWS: r and s, 32 bytes each. */
const ENCODING = 'ieee-p1363';

// an unknown header parameter may change the meaning of the others, so there is none
const Header = z.strictObject({
  alg: z.literal(ALGORITHM),
  kid: z.string().min(1).max(200),
  typ: z.literal(TYPE),
});
/** A compact JWS without its payload. */
const DETACHED = /^([\w-]{1,600})\.\.([\w-]{86})$/;

/**
 * How long an event is redelivered while its key is unknown, from when the key was first needed: a service
 * stores its key before it publishes, but a shared folder may show it later. A folder that Kubernetes
 * mounts is up to date after a minute and a half.
 */
export const UNKNOWN_KEY_MS = 2 * 60_000;
/** The unknown keys that are remembered: anyone can invent more. An event with another one is rejected. */
const MAX_UNKNOWN_KEYS = 100;
/** How long they are, if there are that many. */
const FORGET_UNKNOWN_MS = 60 * 60_000;

export type Requirement = 'required' | 'optional';

/** Signatures with the keys of the services. */
export class SignedEvents implements EventSignatures {
  readonly #privateKey: KeyObject;
  readonly #header: string;
  /** When each unknown key was first needed. */
  readonly #unknown = new Map<string, number>();

  constructor(
    private readonly service: string,
    { kid, keyObject }: SigningKey,
    private readonly publicKeys: Pick<PublicKeyRing, 'find'>,
    private readonly requirement: Requirement,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {
    this.#privateKey = keyObject;
    this.#header = base64url(JSON.stringify({ alg: ALGORITHM, kid, typ: TYPE }));
  }

  /** The signatures of a service whose keys are in a folder. Throws as loadSigningKey does. */
  static async open(
    service: string,
    folder: string,
    clock: Clock,
    log: Log,
    requirement: Requirement = 'required',
  ): Promise<SignedEvents> {
    const signingKey = await loadSigningKey(folder, service);
    const publicKeys = PublicKeyRing.of(folder, clock, log);
    return new SignedEvents(service, signingKey, publicKeys, requirement, clock, log);
  }

  sign(event: CloudEvent): CloudEvent {
    if (event.source !== this.service) {
      throw new Error(`${this.service} cannot sign an event of ${event.source}`);
    }
    const content = bytesToSign(this.#header, event);
    const key = { key: this.#privateKey, dsaEncoding: ENCODING } as const;
    const signature = sign(DIGEST, content, key).toString('base64url');
    return { ...event, signature: `${this.#header}..${signature}` };
  }

  async verify(event: CloudEvent): Promise<void> {
    const { signature, source } = event;
    if (signature === undefined) {
      if (this.requirement === 'optional') return;
      throw rejection('unsigned', 'the event has no signature');
    }
    const [, header = '', value = ''] = DETACHED.exec(signature) ?? [];
    const parsed = Header.safeParse(parseJson(Buffer.from(header, 'base64url').toString()));
    if (!parsed.success) throw rejection('signature', 'the signature has another form');
    const key = await this.#publicKey(source, parsed.data.kid);
    const isValid = verify(
      DIGEST,
      bytesToSign(header, event),
      { key, dsaEncoding: ENCODING },
      Buffer.from(value, 'base64url'),
    );
    if (!isValid) throw rejection('signature', 'the signature is not that of this event');
  }

  /** A key of this service. A service signs with its own keys only. */
  async #publicKey(service: string, kid: string): Promise<KeyObject> {
    const found = await this.publicKeys.find(kid, service);
    if (found === undefined) throw this.#unknownKey(service, kid);
    this.#unknown.delete(nameOf(service, kid));
    return found.keyObject;
  }

  #unknownKey(service: string, kid: string): MicroserviceError {
    const name = nameOf(service, kid);
    const now = this.clock.now();
    if (this.#unknown.size >= MAX_UNKNOWN_KEYS) {
      for (const [key, since] of this.#unknown) {
        if (now - since >= FORGET_UNKNOWN_MS) this.#unknown.delete(key);
      }
    }
    if (!this.#unknown.has(name) && this.#unknown.size < MAX_UNKNOWN_KEYS) {
      this.#unknown.set(name, now);
      this.log.warn({ peer: service, kid }, 'events wait for the key of their publisher');
    }
    return now - (this.#unknown.get(name) ?? -Infinity) < UNKNOWN_KEY_MS
      ? unavailable('the key of the event is not known yet')
      : rejection('unknown_key', 'the event is signed with an unknown key');
  }
}

/** The signatures of a service according to its configuration. */
export function eventSignatures(
  service: string,
  requirement: Requirement | 'off',
  signingKey: SigningKey,
  publicKeys: PublicKeyRing,
  clock: Clock,
  log: Log,
): EventSignatures {
  if (requirement === 'off') {
    log.warn('events are neither signed nor verified: anyone who can publish can act as a service');
    return NO_SIGNATURES;
  }
  if (requirement === 'optional') log.warn('events without a signature are taken');
  return new SignedEvents(service, signingKey, publicKeys, requirement, clock, log);
}

const nameOf = (service: string, kid: string) => JSON.stringify([service, kid]);

function bytesToSign(header: string, event: CloudEvent): Buffer {
  return Buffer.from(`${header}.${base64url(signedContent(event))}`);
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function rejection(reason: string, message: string): MicroserviceError {
  return new MicroserviceError(message, Code.UNAUTHENTICATED, { reason });
}
