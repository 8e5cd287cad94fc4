// @ts-check
// npm run sbom: writes lists of all third-party packages, in the format CycloneDX. See HELP.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { purlOf } from './sbom/cyclonedx.mjs';
import { goBom } from './sbom/go.mjs';
import { npmBom } from './sbom/npm.mjs';
import { findProgram } from './start/commands.mjs';
import { inProject } from './start/project.mjs';
import { builtBinaries, versionOfBinary } from './start/runtime.mjs';
import { runScript } from './start/user-error.mjs';

const HELP = `npm run sbom writes a software bill of materials (CycloneDX 1.6, JSON):

  npm.cdx.json       the npm packages of package-lock.json, with hashes and licenses; "excluded" are those
                     for development only
  runtime.cdx.json   the Go modules of the Dapr that was built here; needs Go and "npm run runtime"

The same packages result in the same bytes.

Options:
  --out <folder>   where to write the files (sbom)
  --help           show this help`;

await runScript(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const out = resolve(values.out ?? inProject('sbom'));
  mkdirSync(out, { recursive: true });
  const write = (/** @type {string} */ name, /** @type {{ components: unknown[] }} */ document) => {
    writeFileSync(join(out, name), `${JSON.stringify(document, null, 2)}\n`);
    console.log(`✓ ${join(out, name)}: ${document.components.length} components`);
  };
  write('npm.cdx.json', npmBom(readFileSync(inProject('package-lock.json'), 'utf8')));

  const binaries = builtBinaries().filter((file) => existsSync(file));
  const go = findProgram('go');
  if (go === undefined || binaries.length === 0) {
    const why =
      go === undefined ? 'Go is not installed' : 'no Dapr is built here (npm run runtime)';
    console.log(`! runtime.cdx.json is not written: ${why}.`);
    return;
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
});
