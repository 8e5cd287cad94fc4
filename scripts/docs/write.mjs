// @ts-check
// Generates documents in docs/ and parts of components/ from the services and contracts that `npm run build`
// compiled.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { builtContracts } from '../contracts/built-contracts.mjs';
import { chartFiles, chartSources } from './chart.mjs';
import { busComponents, eventPublishers, serviceCalls } from './components.mjs';
import { composeFile } from './compose.mjs';
import { dependencies } from './dependencies.mjs';
import { documents } from './documents.mjs';
import { environment, sidecarConfigurations } from './sidecars.mjs';
import { readApps } from '../start/project.mjs';

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '..', '..');
const dist = join(root, 'dist');

const { Service } = require(join(dist, 'kit/service/service.js'));
const { KitConfig } = require(join(dist, 'kit/core/config.js'));
const { CloudEvent } = require(join(dist, 'kit/messages/cloud-event.js'));
const { openapi } = require(join(dist, 'services/gateway/openapi/document.js'));
const { BASE, routes } = require(join(dist, 'services/gateway/routes/table.js'));

const services = readdirSync(join(root, 'services'))
  .sort()
  .map((app) => join(dist, 'services', app))
  // the gateway handles no event and serves no rpc, so it has no service.js
  .map((folder) =>
    existsSync(join(folder, 'service.js'))
      ? join(folder, 'service.js')
      : join(folder, 'definition.js'),
  )
  .flatMap((file) => Object.values(require(file)))
  .filter((value) => value instanceof Service);
const contracts = builtContracts();

mkdirSync(join(root, 'docs'), { recursive: true });
const edge = openapi(BASE, routes);
for (const [name, text] of documents({ services, contracts, envelope: CloudEvent, edge })) {
  writeFileSync(join(root, 'docs', name), text);
  console.log(`docs/${name}`);
}
writeFileSync(join(root, 'docs', 'dependencies.md'), dependencies(root));
console.log('docs/dependencies.md');

const files = readdirSync(join(root, 'components', 'bus'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => `components/bus/${file.replaceAll('\\', '/')}`);
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
const calls = join(root, 'components', 'calls.json');
const components = busComponents(services, texts).set(
  'components/calls.json',
  serviceCalls(services, readFileSync(calls, 'utf8')),
);
const publishers = join(root, 'components', 'publishers.json');
components.set(
  'components/publishers.json',
  eventPublishers(services, readFileSync(publishers, 'utf8')),
);
components.set('components/environment.json', environment(services, KitConfig));
const names = new Set(services.map(({ name }) => name));
const others = readApps().flatMap(({ id }) => (names.has(id) ? [] : [id]));
const common = readFileSync(join(root, 'components', 'configuration.yaml'), 'utf8');
mkdirSync(join(root, 'components', 'sidecars'), { recursive: true });
for (const [path, text] of [...components, ...sidecarConfigurations(services, others, common)]) {
  writeFileSync(join(root, path), text);
  console.log(path);
}

// after the others, which it contains
mkdirSync(join(root, 'deploy', 'chart', 'files'), { recursive: true });
const { common: kit, services: own } = JSON.parse(
  components.get('components/environment.json') ?? '',
);
const sources = new Map(
  chartSources().map((path) => [path, readFileSync(join(root, path), 'utf8')]),
);
for (const [path, text] of chartFiles({
  services,
  apps: readApps(),
  common: kit,
  variables: own,
  files: sources,
})) {
  writeFileSync(join(root, path), text);
  console.log(path);
}
writeFileSync(join(root, 'deploy', 'compose.yaml'), composeFile(services, readApps()));
console.log('deploy/compose.yaml');
