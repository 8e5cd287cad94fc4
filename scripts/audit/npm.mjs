// @ts-check
import { z } from 'zod';

/** @typedef {import('./verdict.mjs').Report} Report */

const Advisory = z.object({
  name: z.string(),
  title: z.string(),
  url: z.string(),
  severity: z.string(),
  range: z.string(),
});
/** The report of `npm audit --json`, version 2. `via` also has the names of packages with a faulty dependency. */
const Found = z.object({
  auditReportVersion: z.literal(2),
  vulnerabilities: z.record(
    z.string(),
    z.object({ via: z.array(z.union([z.string(), Advisory])) }),
  ),
});
/** What npm prints if it could not audit. Without a code, the registry did not answer the request. */
const Failed = z.object({
  message: z.string().optional(),
  error: z.object({ code: z.string().optional(), summary: z.string() }),
});

/**
 * Reads the output of `npm audit --json`.
 * @param {string} stdout
 * @returns {Report}
 */
export function readNpmAudit(stdout) {
  const tool = 'npm audit';
  /** @type {unknown} */
  let json;
  try {
    json = JSON.parse(stdout);
  } catch {
    return { tool, state: 'failed', why: 'its output is not JSON' };
  }
  const found = Found.safeParse(json);
  if (found.success) {
    const advisories = Object.values(found.data.vulnerabilities)
      .flatMap(({ via }) => via)
      .filter((each) => typeof each !== 'string');
    const findings = advisories.map(({ name, title, url, severity, range }) => {
      return {
        advisory: url.split('/').at(-1) ?? url,
        package: name,
        title: `${title} (${severity}, ${range})`,
        url,
      };
    });
    return { tool, state: 'checked', findings };
  }
  const failed = Failed.safeParse(json);
  if (!failed.success) return { tool, state: 'failed', why: 'its report has an unknown form' };
  const { message, error } = failed.data;
  if (error.code === undefined && message !== undefined) {
    return { tool, state: 'unreachable', why: message };
  }
  return { tool, state: 'failed', why: `${error.code ?? 'error'}: ${error.summary}` };
}
