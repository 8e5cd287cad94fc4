import type { IncomingHttpHeaders } from 'node:http';
import { type Precondition, preconditionFailed } from '#kit/core/precondition';
import { type EntityTag, versionIn } from './entity-tag';
import { EdgeError } from './errors';

/** The conditions of a request (RFC 9110, section 13.1). */
export interface Conditions {
  readonly match?: '*' | readonly EntityTag[];
  readonly noneMatch?: '*' | readonly EntityTag[];
  /** Epoch seconds. */
  readonly unmodifiedSince?: number;
}

/** Tags of one header. A client knows few versions of a resource. */
const MAX_TAGS = 50;

/**
 * Reads the conditions. Throws 400 with the name of the header for a malformed one: RFC 9110 would ignore a
 * date that is not valid, but a client with a condition must not get a change without it. If-Modified-Since
 * is not among them: every response to a read has an ETag, which is more exact.
 */
export function conditionsOf(headers: IncomingHttpHeaders): Conditions {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  const unmodifiedSince = headers['if-unmodified-since'];
  return {
    ...(match === undefined ? {} : { match: tagsOf('if-match', match) }),
    ...(noneMatch === undefined ? {} : { noneMatch: tagsOf('if-none-match', noneMatch) }),
    ...(unmodifiedSince === undefined ? {} : { unmodifiedSince: dateOf(unmodifiedSince) }),
  };
}

/**
 * The conditions of a change as the owner of the record checks them, by versions; undefined without one. A
 * tag that is weak, or is none of ours, matches nothing in If-Match, which compares strongly.
 */
export function preconditionOf(conditions: Conditions): Precondition | undefined {
  const { match, noneMatch, unmodifiedSince } = conditions;
  if (match === undefined && noneMatch === undefined && unmodifiedSince === undefined) {
    return undefined;
  }
  return {
    ...(match && { match: match === '*' ? match : versionsOf(match.filter(({ weak }) => !weak)) }),
    ...(noneMatch && { noneMatch: noneMatch === '*' ? noneMatch : versionsOf(noneMatch) }),
    ...(unmodifiedSince === undefined ? {} : { unmodifiedSince }),
  };
}

function versionsOf(tags: readonly EntityTag[]): string[] {
  return [...new Set(tags.flatMap((tag) => versionIn(tag) ?? []))];
}

/**
 * Evaluates the conditions of a read against its response, in the order of RFC 9110, section 13.2.2. Returns
 * whether the client has the response already, so that 304 is the answer. Throws a failed precondition (412).
 */
export function isKnown(
  { match, noneMatch, unmodifiedSince }: Conditions,
  tag: EntityTag,
  updatedAt: string | undefined,
): boolean {
  if (match !== undefined) {
    const isStrong = (one: EntityTag) => !one.weak && !tag.weak && one.opaque === tag.opaque;
    if (match !== '*' && !match.some(isStrong)) throw preconditionFailed('if-match');
  } else if (unmodifiedSince !== undefined && updatedAt !== undefined) {
    const changed = Math.floor(Date.parse(updatedAt) / 1000);
    if (changed > unmodifiedSince) throw preconditionFailed('if-unmodified-since');
  }
  if (noneMatch === undefined) return false;
  return noneMatch === '*' || noneMatch.some(({ opaque }) => opaque === tag.opaque);
}

/** An entity tag without its quotation marks: `W/` and the text. */
const TAG = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/y;
/** What separates two tags: a comma. A list may have empty elements (RFC 9110, section 5.6.1). */
const SEPARATOR = /[\t ,]*/y;

function tagsOf(header: string, text: string): '*' | readonly EntityTag[] {
  if (text.trim() === '*') return '*';
  const tags: EntityTag[] = [];
  let at = separatorAt(text, 0).length;
  do {
    TAG.lastIndex = at;
    const [found, weak, opaque] = TAG.exec(text) ?? [];
    if (found === undefined || opaque === undefined) throw malformed(header, MUST_BE_TAGS);
    if (tags.push({ weak: weak !== undefined, opaque }) > MAX_TAGS) {
      throw malformed(header, `must have at most ${MAX_TAGS} entity tags`);
    }
    at += found.length;
    const separator = separatorAt(text, at);
    at += separator.length;
    if (at < text.length && !separator.includes(',')) throw malformed(header, MUST_BE_TAGS);
  } while (at < text.length);
  return tags;
}

const MUST_BE_TAGS = 'must be * or entity tags such as "abc", separated by commas';

function separatorAt(text: string, at: number): string {
  SEPARATOR.lastIndex = at;
  const [separator = ''] = SEPARATOR.exec(text) ?? [];
  return separator;
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)';
/** The three forms of a date that HTTP has (RFC 9110, section 5.6.7); the first is in use. */
const DATES = [
  `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT`,
  `(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT`,
  `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`));

function dateOf(text: string): number {
  const groups = DATES.map((form) => form.exec(text)?.groups).find((found) => found !== undefined);
  if (groups !== undefined) {
    const part = (name: string) => Number(groups[name]);
    const month = MONTHS.indexOf(groups['month'] ?? '');
    const date = new Date(0);
    date.setUTCFullYear(fullYear(groups['year'] ?? ''), month, part('day'));
    date.setUTCHours(part('hour'), part('minute'), part('second'));
    // a day or a time that does not exist becomes another one
    const isReal = date.getUTCDate() === part('day') && date.getUTCHours() === part('hour');
    if (isReal && date.getUTCMinutes() === part('minute')) return date.getTime() / 1000;
  }
  throw malformed('if-unmodified-since', 'must be a date such as Thu, 01 Jan 2026 10:00:00 GMT');
}

/** A year of two digits is at most 50 years ahead. */
function fullYear(year: string): number {
  if (year.length === 4) return Number(year);
  const now = new Date().getUTCFullYear();
  const inThisCentury = now - (now % 100) + Number(year);
  return inThisCentury > now + 50 ? inThisCentury - 100 : inThisCentury;
}

function malformed(field: string, message: string): EdgeError {
  return new EdgeError(400, `${field} ${message}`, { fields: [{ field, message }] });
}
