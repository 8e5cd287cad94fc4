import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseExceptions } from '../../../scripts/audit/exceptions.mjs';
import { readGovulncheck } from '../../../scripts/audit/govulncheck.mjs';
import { readNpmAudit } from '../../../scripts/audit/npm.mjs';
import { type Report, verdictOf } from '../../../scripts/audit/verdict.mjs';

// The outputs were recorded from npm 11.19 and govulncheck 1.9. The registry of the one with an advisory, and
// the database of the other, were made for the record: their advisories are made up.

const recorded = (name: string) => readFileSync(join(__dirname, name), 'utf8');
const found = (name: string) => readNpmAudit(recorded(name));
const govulncheck = (stdout: string, result: { code?: number; stderr?: string } = {}) =>
  readGovulncheck('daprd', { code: 0, stderr: '', stdout, ...result });
const TODAY = new Date('2026-11-30T10:00:00Z');
const NO_HOST =
  'govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev/index/modules.json.gz": dial tcp: lookup vuln.go.dev on 192.0.2.53:53: no such host\nexit status 1\n';

const exception = (change: object = {}) => ({
  advisory: 'GHSA-2222-3333-4444',
  package: 'ws',
  reason: 'Only the test client of a device uses it.',
  expires: '2026-12-31',
  ...change,
});
const exceptions = (...all: object[]) => parseExceptions(JSON.stringify(all));
const GO = exception({ advisory: 'GO-2099-0001', package: 'golang.org/x/net' });
const GO_2 = exception({ advisory: 'GO-2099-0002', package: 'github.com/google/uuid' });

describe('npm audit', () => {
  test('with an advisory: the package that has the fault, once', () => {
    expect(found('npm-found.json')).toEqual({
      tool: 'npm audit',
      state: 'checked',
      findings: [
        {
          advisory: 'GHSA-2222-3333-4444',
          package: 'ws',
          title: 'Made up for a test (high, <99.0.0)',
          url: 'https://github.com/advisories/GHSA-2222-3333-4444',
        },
      ],
    });
  });

  test('without an advisory', () => {
    expect(found('npm-none.json')).toMatchObject({ state: 'checked', findings: [] });
  });

  test.each(['npm-method-not-allowed.json', 'npm-refused.json'])(
    'whose registry has no advisories or cannot be reached has not checked: %s',
    (name) => {
      expect(found(name)).toMatchObject({ state: 'unreachable' });
    },
  );

  test.each([
    ['there is no lock file', recorded('npm-no-lock.json')],
    ['the output is not JSON', 'npm error'],
    ['the output is empty', ''],
    ['the form is another', '{"auditReportVersion":3,"vulnerabilities":{}}'],
  ])('has failed if %s', (_, output) => {
    expect(readNpmAudit(output)).toMatchObject({ state: 'failed' });
  });
});

describe('govulncheck', () => {
  test('with advisories: each module once', () => {
    expect(govulncheck(recorded('govulncheck-found.jsonstream'))).toEqual({
      tool: 'govulncheck daprd',
      state: 'checked',
      findings: [
        {
          advisory: 'GO-2099-0002',
          package: 'github.com/google/uuid',
          title: 'Made up too (v1.6.0, no fix yet)',
          url: 'https://pkg.go.dev/vuln/GO-2099-0002',
        },
        {
          advisory: 'GO-2099-0001',
          package: 'golang.org/x/net',
          title: 'Made up for a test (v0.55.0, fixed in v99.0.0)',
          url: 'https://pkg.go.dev/vuln/GO-2099-0001',
        },
      ],
    });
  });

  test('without an advisory', () => {
    const report = govulncheck(recorded('govulncheck-none.jsonstream'));
    expect(report).toMatchObject({ state: 'checked', findings: [] });
  });

  test.each([
    ['the database', NO_HOST],
    ['the tool itself', 'go: golang.org/x/vuln@v1.9.0: dial tcp: i/o timeout\n'],
  ])('that cannot fetch %s has not checked', (_, stderr) => {
    const why = expect.stringMatching(/no such host$|timeout$/) as unknown;
    expect(govulncheck('', { code: 1, stderr })).toMatchObject({ state: 'unreachable', why });
  });

  test.each([
    ['the binary cannot be read', { code: 2, stderr: 'govulncheck: "daprd" is not a file\n' }],
    ['it printed nothing', {}],
    ['it was killed', { code: -1, stderr: '' }],
  ])('has failed if %s', (_, result) => {
    expect(govulncheck('', result)).toMatchObject({ state: 'failed' });
  });

  test.each(['{"config":', '{"config":{"protocol_version":"v2.0.0"}}', '[]'])(
    'has failed if its output has another form: %s',
    (output) => {
      expect(govulncheck(output)).toMatchObject({ state: 'failed' });
    },
  );
});

describe('the audit', () => {
  const both = [found('npm-found.json'), govulncheck(recorded('govulncheck-found.jsonstream'))];
  const none = [found('npm-none.json'), govulncheck(recorded('govulncheck-none.jsonstream'))];
  const away: Report[] = [found('npm-refused.json'), govulncheck('', { code: 1, stderr: NO_HOST })];
  const codeOf = (reports: Report[], ...all: object[]) =>
    verdictOf(reports, exceptions(...all), TODAY).code;

  test('fails for an open advisory and names it', () => {
    const { lines, code } = verdictOf(both, exceptions(), TODAY);
    expect(code).toBe(1);
    expect(lines.join('\n')).toMatch(/✗ npm audit: GHSA-2222-3333-4444 in ws/);
    expect(lines.join('\n')).toMatch(/✗ govulncheck daprd: GO-2099-0001 in golang\.org\/x\/net/);
  });

  test('passes if there is no advisory, or each has an exception', () => {
    expect(codeOf(none)).toBe(0);
    expect(codeOf(both, exception(), GO, GO_2)).toBe(0);
    expect(codeOf(both, exception(), GO)).toBe(1);
  });

  test.each([
    ['of another package', { package: 'mqtt' }],
    ['of another advisory', { advisory: 'GHSA-2222-3333-5555' }],
  ])('fails for an exception %s', (_, change) => {
    expect(codeOf([found('npm-found.json')], exception(change))).toBe(1);
  });

  test('fails for an exception that no finding needs', () => {
    const { lines, code } = verdictOf(none, exceptions(exception()), TODAY);
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain('GHSA-2222-3333-4444 in ws is not needed any more');
  });

  test.each([
    ['2026-11-29', 1],
    ['2026-11-30', 0],
    ['2027-05-29', 0],
    ['2027-05-30', 1],
    ['2099-01-01', 1],
  ])('an exception until %s: code %i', (expires, code) => {
    expect(codeOf([found('npm-found.json')], exception({ expires }))).toBe(code);
  });

  test('states that a database could not be reached, and fails nothing', () => {
    const { lines, code } = verdictOf(away, exceptions(exception(), GO), TODAY);
    expect(code).toBe(0);
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toContain('NOT CHECKED');
  });

  test('fails for an expired exception even if no database can be reached', () => {
    expect(codeOf(away, exception({ expires: '2026-01-01' }))).toBe(1);
  });

  test('judges the exceptions of a tool only if it checked all', () => {
    const [npm] = none;
    const half = [npm!, govulncheck('', { code: 1, stderr: NO_HOST })];
    expect(codeOf(half, GO)).toBe(0);
    expect(codeOf(half, exception())).toBe(1);
  });

  test('has failed if a tool has, whatever the others found', () => {
    expect(codeOf([...both, govulncheck('', { code: 2 })])).toBe(2);
  });
});

describe('the list of exceptions', () => {
  test.each([
    ['advisory', { advisory: 'CVE-2026-1' }],
    ['package', { package: '' }],
    ['reason', { reason: 'later' }],
    ['expires', { expires: 'never' }],
    ['expires', { expires: undefined }],
    ['severity', { severity: 'low' }],
  ])('is refused for an invalid %s, which is named', (field, change) => {
    expect(() => exceptions(exception(change))).toThrow(field);
  });

  test.each(['', '{}', '[1]'])('is refused if it is not a list: %p', (text) => {
    expect(() => parseExceptions(text)).toThrow('list of exceptions');
  });

  test('is refused if it names an advisory twice', () => {
    expect(() => exceptions(exception(), exception())).toThrow('listed twice');
  });

  test('of this project is valid', () => {
    const file = join(__dirname, '../../../scripts/audit/exceptions.json');
    const { lines } = verdictOf([], parseExceptions(readFileSync(file, 'utf8')), new Date());
    expect(lines).toEqual([]);
  });
});
