import { hash } from 'node:crypto';
import { versionOf } from '#kit/core/precondition';

/** An entity tag (RFC 9110, section 8.8.3). */
export interface EntityTag {
  readonly weak: boolean;
  /** The text between the quotation marks. */
  readonly opaque: string;
}

/**
 * The tag of a response, from its data alone: the id and the time in the envelope belong to the response and
 * not to the resource.
 *
 * A record with `updatedAt` has a strong tag: its version at its owner, which If-Match compares, and a hash of
 * the data, since that may contain more than the record, such as the availability of a product. A compressed
 * response is another representation, so the tag names its coding; If-Match accepts the tag of either. Any
 * other response, such as a list, has no version: its tag is a weak hash, and If-Match never matches it.
 */
export function entityTagOf(
  json: string,
  updatedAt: string | undefined,
  coding: string,
): EntityTag {
  const content = hash('sha1', json, 'base64url');
  if (updatedAt === undefined) return { weak: true, opaque: content };
  const suffix = coding === 'identity' ? '' : `.${coding}`;
  return { weak: false, opaque: `${versionOf(updatedAt)}.${content}${suffix}` };
}

const STRONG = /^([\da-z]{1,11})\.[\w-]{27}(?:\.[a-z]{2,7})?$/;

/** The version of the record in a tag that entityTagOf has made; undefined for any other tag. */
export function versionIn({ opaque }: EntityTag): string | undefined {
  return STRONG.exec(opaque)?.[1];
}

/** The tag as a header contains it. */
export function formatTag({ weak, opaque }: EntityTag): string {
  return `${weak ? 'W/' : ''}"${opaque}"`;
}
