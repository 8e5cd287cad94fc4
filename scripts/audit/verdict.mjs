// @ts-check
import { faultOf, nameOf } from './exceptions.mjs';

/** @typedef {import('./exceptions.mjs').Exception} Exception */

/**
 * A known fault of a package.
 * @typedef {{ advisory: string, package: string, title: string, url: string }} Finding
 */

/**
 * What one run of a tool says. `unreachable`: its database did not answer, so it says nothing.
 * @typedef {{ tool: string, state: 'checked', findings: readonly Finding[] }
 *   | { tool: string, state: 'unreachable' | 'failed' | 'skipped', why: string }} Report
 */

/** Exit codes of `npm run audit`. */
export const EXIT = /** @type {const} */ ({ good: 0, bad: 1, failed: 2 });

/**
 * Compares the reports with the exceptions.
 * @param {readonly Report[]} reports
 * @param {readonly Exception[]} exceptions
 * @param {Date} today
 * @returns {{ lines: string[], code: 0 | 1 | 2 }}
 */
export function verdictOf(reports, exceptions, today) {
  /** @type {string[]} */
  const lines = [];
  let bad = 0;
  const fault = (/** @type {string} */ line) => {
    bad++;
    lines.push(`✗ ${line}`);
  };
  const valid = new Map(exceptions.map((each) => [nameOf(each), each]));
  for (const exception of exceptions) {
    const why = faultOf(exception, today);
    if (why === undefined) continue;
    fault(`The exception for ${nameOf(exception)} ${why}. Judge it again, or remove it.`);
    valid.delete(nameOf(exception));
  }
  /** @type {Set<string>} */
  const used = new Set();
  for (const report of reports) {
    if (report.state !== 'checked') {
      lines.push(`${report.state === 'failed' ? '✗' : '!'} ${explanationOf(report)}`);
      continue;
    }
    const { tool, findings } = report;
    const open = findings.filter((finding) => !valid.has(nameOf(finding)));
    for (const finding of findings) {
      used.add(nameOf(finding));
      const reason = valid.get(nameOf(finding))?.reason;
      if (reason !== undefined) lines.push(`- ${tool}: ${nameOf(finding)} is excepted: ${reason}`);
    }
    for (const finding of open) {
      fault(`${tool}: ${nameOf(finding)}: ${finding.title}, ${finding.url}`);
    }
    if (open.length === 0) lines.push(`✓ ${tool}: no open advisory`);
  }
  for (const [name, { advisory }] of valid) {
    if (used.has(name) || !areChecked(reports, advisory)) continue;
    fault(`The exception for ${name} is not needed any more. Remove it.`);
  }
  if (reports.some(({ state }) => state === 'failed')) return { lines, code: EXIT.failed };
  return { lines, code: bad === 0 ? EXIT.good : EXIT.bad };
}

/** @param {Exclude<Report, { state: 'checked' }>} report */
function explanationOf({ tool, state, why }) {
  if (state === 'unreachable') {
    return `${tool}: NOT CHECKED, since its database cannot be reached from here: ${why}`;
  }
  return state === 'skipped' ? `${tool}: NOT CHECKED: ${why}` : `${tool} failed: ${why}`;
}

/**
 * Whether every tool that could find the advisory has checked.
 * @param {readonly Report[]} reports
 * @param {string} advisory
 */
function areChecked(reports, advisory) {
  const tool = advisory.startsWith('GO-') ? 'govulncheck' : 'npm audit';
  const able = reports.filter((report) => report.tool.startsWith(tool));
  return able.length > 0 && able.every(({ state }) => state === 'checked');
}
