import { describe, expect, test } from '@jest/globals';
import { readApps } from '../../scripts/start/project.mjs';
import { read } from './tree';

/** The instructions of a Dockerfile, each on one line. */
function instructions(text: string): string[] {
  return text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => line !== '');
}

/** What hadolint would report of this file, as far as it concerns it: hadolint is no npm package and no Go module. */
function faults(text: string): string[] {
  const lines = instructions(text);
  const from = lines.filter((line) => line.startsWith('FROM '));
  const last = lines.slice(lines.lastIndexOf(from.at(-1) ?? ''));
  const names = from.map((line) => / AS (\S+)$/.exec(line)?.[1]);
  const has = (pattern: RegExp) => last.some((line) => pattern.test(line));
  return [
    ...from
      .filter((line) => !/^FROM (\$\{\w+\}|[\w-]+) AS /.test(line))
      .map((line) => `${line}: a base is an argument or a stage, and a stage has a name`),
    ...lines
      .filter((line) => /^ARG \w+_IMAGE=/.test(line) && !/:[\w.-]+$/.test(line))
      .map((line) => `${line}: a base has a version`),
    ...lines
      .filter((line) => /:latest\b/.test(line))
      .map((line) => `${line}: latest is no version`),
    ...lines.filter((line) => /^(ADD|MAINTAINER|VOLUME|EXPOSE) /.test(line)),
    ...lines
      .filter((line) => /^COPY (?!--from)/.test(line) && /(^COPY|\s)\.\s/.test(line))
      .map((line) => `${line}: names what it copies`),
    ...lines
      .filter((line) => line.includes('apt-get install'))
      .filter(
        (line) =>
          !line.includes('--no-install-recommends') || !line.includes('rm -rf /var/lib/apt'),
      )
      .map((line) => `${line}: leaves lists of packages`),
    ...lines
      .filter((line) => /npm (install|i) /.test(line))
      .map((line) => `${line}: not from the lock file`),
    ...lines
      .filter((line) => /^(CMD|ENTRYPOINT) [^[]/.test(line))
      .map((line) => `${line}: runs a shell`),
    ...lines
      .filter((line) => /^ENV .*(TOKEN|PASSWORD|SECRET)\w*=/.test(line))
      .map((line) => `${line}: a secret`),
    ...names
      .filter((name, at) => names.indexOf(name) !== at)
      .map((name) => `${name} is there twice`),
    ...(has(/^USER \d+:\d+$/) ? [] : ['the last stage has no numeric user']),
    ...(has(/^HEALTHCHECK .*CMD \[/) ? [] : ['the last stage has no health check']),
    ...(has(/^ENTRYPOINT \[/) ? [] : ['the last stage has no entry point']),
    ...(has(/^RUN /) ? ['the last stage runs commands, for which its base has no shell'] : []),
  ];
}

const good = `ARG BASE_IMAGE=debian:12
FROM \${BASE_IMAGE} AS services
COPY dist dist
USER 1:1
HEALTHCHECK CMD ["a"]
ENTRYPOINT ["a"]
`;

describe('the Dockerfile', () => {
  test('a correct one passes', () => {
    expect(faults(good)).toEqual([]);
  });

  test.each([
    ['a base that is not an argument', good.replace('${BASE_IMAGE}', 'debian:12')],
    ['a base without a version', good.replace('=debian:12', '=debian')],
    ['the newest version', good.replace('=debian:12', '=debian:latest')],
    ['the whole folder', good.replace('COPY dist dist', 'COPY . .')],
    ['a download', good.replace('COPY dist dist', 'ADD https://a /a')],
    [
      'packages that may change',
      good.replace('COPY dist', 'RUN npm install a && \\\n  b\nCOPY dist'),
    ],
    ['no user', good.replace('USER 1:1', '')],
    ['a user by name', good.replace('USER 1:1', 'USER node')],
    ['no health check', good.replace(/HEALTHCHECK.*/, '')],
    ['a shell around the process', good.replace('ENTRYPOINT ["a"]', 'ENTRYPOINT a')],
    ['a secret', good.replace('USER', 'ENV API_TOKEN=x\nUSER')],
  ])('%s is caught', (_, text) => {
    expect(faults(text)).not.toEqual([]);
  });

  test('complies', () => {
    expect(faults(read('Dockerfile'))).toEqual([]);
  });

  test('copies nothing that .dockerignore leaves out', () => {
    const admitted = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map(
        (line) => new RegExp(`^${line.slice(1).replaceAll('.', '\\.').replace('*', '[^/]*')}(/|$)`),
      );
    const copied = instructions(read('Dockerfile'))
      .filter((line) => /^COPY (?!--from)/.test(line))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(copied).not.toEqual([]);
    expect(copied.filter((path) => !admitted.some((pattern) => pattern.test(path)))).toEqual([]);
  });

  test('has the program of every app', () => {
    expect(readApps().map(({ main }) => main)).toEqual(
      readApps().map(() => expect.stringMatching(/^dist\/services\//)),
    );
  });
});
