// @ts-check
import { z } from 'zod';
import { UserError } from '../start/user-error.mjs';

/** An exception has to be judged again after this. */
const MAX_DAYS = 180;
const DAY_MS = 24 * 3_600_000;

const Exception = z.strictObject({
  /** As `npm run audit` prints it: an id of GitHub's advisories, or of the Go vulnerability database. */
  advisory: z
    .string()
    .regex(
      /^(GHSA(-[23456789cfghjmpqrvwx]{4}){3}|GO-\d{4}-\d{4,})$/,
      'must be an id such as GHSA-... or GO-...',
    ),
  /** The package or module that has the fault. */
  package: z.string().min(1).max(200),
  /** Why the system is not affected, or why it may stay until then. */
  reason: z.string().trim().min(20).max(1000),
  /** The last day on which it holds, in UTC. */
  expires: z.iso.date(),
});
const Exceptions = z.array(Exception);

/** @typedef {z.infer<typeof Exception>} Exception */

/**
 * Parses the list of exceptions. Throws a UserError that names each wrong field.
 * @param {string} text
 * @returns {Exception[]}
 */
export function parseExceptions(text) {
  /** @type {unknown} */
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UserError('The list of exceptions is not JSON.');
  }
  const { data, error } = Exceptions.safeParse(json);
  if (error) {
    throw new UserError(`The list of exceptions is not valid: ${z.prettifyError(error)}`);
  }
  const names = data.map(nameOf);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UserError(`The exception for ${twice} is listed twice.`);
  return data;
}

/** @param {{ advisory: string, package: string }} finding */
export const nameOf = (finding) => `${finding.advisory} in ${finding.package}`;

/**
 * Why an exception does not hold on a day; undefined if it does.
 * @param {Exception} exception
 * @param {Date} today
 */
export function faultOf(exception, today) {
  // the last day is included
  const end = Date.parse(exception.expires) + DAY_MS;
  if (end <= today.getTime()) return `expired on ${exception.expires}`;
  if (end > today.getTime() + (MAX_DAYS + 1) * DAY_MS) {
    return `lasts until ${exception.expires}, which is more than ${MAX_DAYS} days`;
  }
  return undefined;
}
