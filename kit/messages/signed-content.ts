import canonicalize from 'canonicalize';
import type { CloudEvent } from './cloud-event';

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
  const json = JSON.stringify(signed);
  return canonical(LONE_SURROGATE.test(json) ? JSON.parse(withoutLoneSurrogates(json)) : signed);
}

function canonical(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new Error('an event has a JSON form');
  return text;
}

/** As JSON.stringify writes half of a surrogate pair, or a backslash before such text. */
const LONE_SURROGATE = /\\ud[89a-f][0-9a-f]{2}/;

/**
 * Half of a surrogate pair, which JSON can express and UTF-8 cannot, becomes U+FFFD as in a sidecar. The
 * other alternative consumes an escaped backslash, so that the text after it is not taken for an escape.
 */
function withoutLoneSurrogates(json: string): string {
  return json.replaceAll(/\\(?:(ud[89a-f][0-9a-f]{2})|.)/g, (escape, lone?: string) =>
    lone === undefined ? escape : '\ufffd',
  );
}
