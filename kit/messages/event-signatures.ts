import canonicalize from 'canonicalize';
import type { CloudEvent } from './cloud-event';

/** Signs the events of one service, and verifies those of all. */
export interface EventSignatures {
  /** The event with the signature of this service. */
  sign(event: CloudEvent): CloudEvent;
  /**
   * Resolves if the service in `source` has signed the event. Throws UNAUTHENTICATED with a reason if it
   * has not, and UNAVAILABLE if that cannot be decided yet.
   */
  verify(event: CloudEvent): Promise<void>;
}

/** Neither signs nor verifies. */
export const NO_SIGNATURES: EventSignatures = {
  sign: (event) => event,
  verify: () => Promise.resolve(),
};

/**
 * What a publisher signs: the parts of an event that its handler receives or that decide how it is
 * handled, as canonical JSON (RFC 8785). Sidecars and brokers write JSON in a form of their own, may turn
 * the number of an attribute into text, and change the trace context. The list of attributes must not
 * change: an earlier reader does not know a new one and could not verify the event.
 */
export function signedContent(event: CloudEvent): string {
  const { id, source, type, subject, time, datacontenttype, eventversion, minversion } = event;
  const { correlationid, causationid, sequence, tenantid, replyto, expirytime, data } = event;
  const signed = {
    ...{ id, source, type, subject, time, datacontenttype, eventversion, minversion },
    ...{ correlationid, causationid, sequence, tenantid, replyto, expirytime, data },
  };
  try {
    return canonical(signed);
  } catch {
    return canonical(JSON.parse(withoutLoneSurrogates(JSON.stringify(signed))));
  }
}

function canonical(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new Error('an event has a JSON form');
  return text;
}

/**
 * Half of a surrogate pair, which JSON can express but UTF-8 cannot, becomes U+FFFD as in a sidecar. The
 * other alternative consumes an escaped backslash, so that the text after it is not taken for an escape.
 */
function withoutLoneSurrogates(json: string): string {
  return json.replaceAll(/\\(?:(u[d][89a-f][0-9a-f]{2})|.)/g, (escape, lone?: string) =>
    lone === undefined ? escape : '\ufffd',
  );
}
