// @ts-check
import { z } from 'zod';
import { isNetworkFailure, lastLines } from '../start/commands.mjs';

/** @typedef {import('./verdict.mjs').Report} Report */
/** @typedef {import('./verdict.mjs').Finding} Finding */

/** Its messages that are of interest (protocol v1.0.0). The same finding comes for module, package and symbol. */
const Message = z.object({
  config: z.object({ protocol_version: z.literal('v1.0.0') }).optional(),
  osv: z.object({ id: z.string(), summary: z.string().default('') }).optional(),
  finding: z
    .object({
      osv: z.string(),
      fixed_version: z.string().default(''),
      trace: z.array(z.object({ module: z.string(), version: z.string().default('') })).min(1),
    })
    .optional(),
});

/**
 * Reads the output of `govulncheck -format=json -mode=binary`. It finds a fault in a binary if the module is
 * in it; the binaries have no symbols that could tell more.
 * @param {string} binary the name in the report
 * @param {{ code: number, stdout: string, stderr: string }} result
 * @returns {Report}
 */
export function readGovulncheck(binary, { code, stdout, stderr }) {
  const tool = `govulncheck ${binary}`;
  if (code !== 0) {
    // "go run" adds the status of the program
    const lines = lastLines(stderr).filter((line) => !line.startsWith('exit status'));
    const why = lines.at(-1) ?? `it ended with code ${code}`;
    const unreachable = /fetching vulnerabilities/.test(stderr) || isNetworkFailure(stderr);
    return { tool, state: unreachable ? 'unreachable' : 'failed', why };
  }
  /** @type {z.infer<typeof Message>[]} */
  let messages;
  try {
    messages = documentsIn(stdout).map((document) => Message.parse(document));
  } catch {
    return { tool, state: 'failed', why: 'its output has an unknown form' };
  }
  if (!messages.some(({ config }) => config)) {
    return { tool, state: 'failed', why: 'its output has no configuration' };
  }
  const titles = new Map(messages.flatMap(({ osv }) => (osv ? [[osv.id, osv.summary]] : [])));
  /** @type {Map<string, Finding>} */
  const findings = new Map();
  for (const { finding } of messages) {
    if (!finding) continue;
    const [{ module, version } = { module: '', version: '' }] = finding.trace;
    const fix = finding.fixed_version === '' ? 'no fix yet' : `fixed in ${finding.fixed_version}`;
    findings.set(`${finding.osv} ${module}`, {
      advisory: finding.osv,
      package: module,
      title: `${titles.get(finding.osv) ?? ''} (${version}, ${fix})`,
      url: `https://pkg.go.dev/vuln/${finding.osv}`,
    });
  }
  return { tool, state: 'checked', findings: [...findings.values()] };
}

/**
 * The JSON documents of a stream in which each begins with a brace in the first column.
 * @param {string} text
 * @returns {unknown[]}
 */
function documentsIn(text) {
  return text
    .split(/^(?=\{)/m)
    .filter((part) => part.trim() !== '')
    .map((part) => JSON.parse(part));
}
