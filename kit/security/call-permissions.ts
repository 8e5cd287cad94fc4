import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigError } from '../core/config';

/** Why a call was turned away: whoever makes it does not say that it does. */
export const UNDECLARED_CALL = 'undeclared_call';

const Calls = z.record(z.string(), z.array(z.string()));
export const CallPermissions = z.object({
  /** Whom each service calls: what its definition says. Written by `npm run docs`. */
  services: Calls,
  /** The same of apps that are none of ours (docs/participants.md). Written by hand. */
  others: Calls,
});

/**
 * Which apps say that they call this one, by a file such as components/calls.json. Throws a
 * ConfigError where it cannot be read.
 */
export async function permittedCallers(
  service: string,
  file: string,
): Promise<ReadonlySet<string>> {
  try {
    const { services, others } = CallPermissions.parse(JSON.parse(await readFile(file, 'utf8')));
    const all = [...Object.entries(services), ...Object.entries(others)];
    return new Set(all.flatMap(([caller, called]) => (called.includes(service) ? [caller] : [])));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new ConfigError([`SERVICE_CALLS cannot be read: ${why}`]);
  }
}
