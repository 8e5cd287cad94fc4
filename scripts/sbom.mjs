// @ts-check
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { json, runCommand, text } from './start/command-line.mjs';
import { purlOf } from './sbom/cyclonedx.mjs';
import { goBom } from './sbom/go.mjs';
import { npmBom } from './sbom/npm.mjs';
import { findProgram } from './start/commands.mjs';
import { inProject } from './start/project.mjs';
import { builtBinaries, versionOfBinary } from './start/runtime.mjs';

const COMMAND = {
  about: `npm run sbom writes a software bill of materials (CycloneDX 1.6, JSON):

  npm.cdx.json       the npm packages of package-lock.json, with hashes and licenses; "excluded" are those
                     for development only
  runtime.cdx.json   the Go modules of the Dapr that was built here; needs Go and "npm run runtime"

The same packages result in the same bytes.`,
  usage: 'npm run sbom [-- <options>]',
  options: { out: text('where to write the files (default: sbom)', 'folder'), json },
  failsIf: 'a file cannot be read or written',
};

runCommand(COMMAND, async ({ options }) => {
  const out = resolve(options.out ?? inProject('sbom'));
  mkdirSync(out, { recursive: true });
  /** @type {{ file: string, components: number }[]} */
  const written = [];
  /** @type {(skipped?: string) => void} */
  const report = (skipped) => {
    if (options.json)
      console.log(JSON.stringify({ written, ...(skipped && { skipped }) }, null, 2));
    else if (skipped) console.log(`! runtime.cdx.json is not written: ${skipped}.`);
  };
  const write = (/** @type {string} */ name, /** @type {{ components: unknown[] }} */ document) => {
    writeFileSync(join(out, name), `${JSON.stringify(document, null, 2)}\n`);
    const components = document.components.length;
    written.push({ file: join(out, name), components });
    if (!options.json) console.log(`✓ ${join(out, name)}: ${components} components`);
  };
  write('npm.cdx.json', npmBom(readFileSync(inProject('package-lock.json'), 'utf8')));

  const binaries = builtBinaries().filter((file) => existsSync(file));
  const go = findProgram('go');
  if (go === undefined || binaries.length === 0) {
    const why =
      go === undefined ? 'Go is not installed' : 'no Dapr is built here (npm run runtime)';
    return report(why);
  }
  const { version } = JSON.parse(readFileSync(inProject('package.json'), 'utf8'));
  const name = 'omnichannel-runtime';
  const programs = binaries.map((file) => {
    const maxBuffer = 64 * 1024 * 1024;
    const buildInfo = execFileSync(go, ['version', '-m', '-json', file], {
      encoding: 'utf8',
      maxBuffer,
    });
    return { name: basename(file), version: versionOfBinary(basename(file)), buildInfo };
  });
  const about = {
    type: /** @type {const} */ ('application'),
    name,
    version,
    purl: purlOf('generic', name, version),
  };
  write('runtime.cdx.json', goBom(about, programs));
  report();
});
