// @ts-check
import { readdirSync } from 'node:fs';
import { parse } from 'yaml';
import { accessControlOf } from '../start/access-control.mjs';
import { platformPermissions } from '../devices/broker-files.mjs';
import { settings } from '../start/servers/mosquitto.mjs';
import { inProject } from '../start/project.mjs';
import { permissionsOf } from '../start/servers/rabbitmq.mjs';
import { aclFile } from '../start/servers/redis.mjs';
import { publishedTopics } from './components.mjs';
import { allowedApis } from './sidecars.mjs';

/**
 * @typedef {import('#kit/service/service').AnyService} Service
 * @typedef {import('../start/project.mjs').App} App
 * @typedef {import('../start/access.mjs').AppAccess} AppAccess
 */

const FOLDER = 'deploy/chart/files/';

/** The files that it contains, whole or in part. */
export const chartSources = () => [
  ...['deploy/flags.json', 'deploy/limits.json'],
  ...['components/configuration.yaml', 'components/resiliency.yaml'],
  ...['components/bus/redis/trim.sh', 'components/bus/redis/trim.lua'],
  'components/bus/rabbitmq/definitions.json',
  ...['bus', 'state', 'devices'].flatMap((kind) =>
    readdirSync(inProject('components', kind))
      .sort()
      .map((name) => `components/${kind}/${name}/${kind}.yaml`),
  ),
];

/** The chart writes the password of an account in place of this. @param {string} account */
const passwordOf = (account) => `<password of ${account}>`;

/**
 * The data of the Helm chart: what its templates need of the services, and the configuration of the sidecars. A new
 * service is a row of services.json. Helm reads no file outside of the chart, so those that it needs are copied.
 * @param {object} of
 * @param {readonly Service[]} of.services
 * @param {readonly App[]} of.apps those of dapr.yaml
 * @param {Record<string, string[]>} of.variables the environment variables of each service's own
 * @param {readonly string[]} of.common those of every service
 * @param {ReadonlyMap<string, string>} of.files texts by path
 * @returns {Map<string, string>} texts by path
 */
export function chartFiles({ services, apps, variables, common, files }) {
  const text = (/** @type {string} */ path) => {
    const found = files.get(path);
    if (found === undefined) throw new Error(`${path} is missing`);
    return found;
  };
  const json = (/** @type {unknown} */ value) => `${JSON.stringify(value, null, 2)}\n`;
  const access = services.map((service) => ({
    name: service.name,
    publishes: [...new Set(publishedTopics(service, services))].sort(),
    subscribes: [...service.topics].sort(),
  }));
  const configuration = parse(text('components/configuration.yaml')).spec;
  // Kubernetes resolves names itself.
  delete configuration.nameResolution;
  const definitions = JSON.parse(text('components/bus/rabbitmq/definitions.json'));
  const written = new Map([
    ['services.json', json(table(services, apps, access, variables, common))],
    ['components.json', json(components(files))],
    ['configuration.json', json(configuration)],
    ['resiliency.json', json(parse(text('components/resiliency.yaml')).spec)],
    ['redis-users.acl', aclFile({ apps: access, passwordOf }, true)],
    [
      'rabbitmq-definitions.json',
      json({ vhosts: [{ name: '/' }], permissions: permissionsOf(access), ...definitions }),
    ],
    ['mosquitto.conf', settings({ devices: '1883', platform: '1884' }, '/data', '/data/accounts')],
    ['mosquitto-platform-acl', platformPermissions({ userName: 'platform' }).join('\n')],
    ['flags.json', text('deploy/flags.json')],
    ['limits.json', text('deploy/limits.json')],
    ['trim.sh', text('components/bus/redis/trim.sh')],
    ['trim.lua', text('components/bus/redis/trim.lua')],
  ]);
  return new Map([...written].map(([name, content]) => [FOLDER + name, content]));
}

/**
 * @param {readonly Service[]} services
 * @param {readonly App[]} apps
 * @param {readonly AppAccess[]} access
 * @param {Record<string, string[]>} variables
 * @param {readonly string[]} common
 */
function table(services, apps, access, variables, common) {
  const rows = services.map((service) => {
    const { name, definition, jobs, ingest } = service;
    const app = apps.find(({ id }) => id === name);
    if (app === undefined) throw new Error(`dapr.yaml does not run ${name}`);
    const topics = access.find((it) => it.name === name);
    const { policies } = accessControlOf(name);
    return /** @type {const} */ ([
      name,
      {
        httpPort: app.port,
        // The gateway is called by clients, not by its sidecar.
        appPort: app.appPort === app.port ? 0 : app.appPort,
        ingestPort: ingest === undefined ? 0 : app.port + INGEST_OFFSET,
        // An MQTT client id must last over a restart, so each replica keeps its name.
        stateful: definition.outputBindings?.includes('devices') ?? false,
        jobs: jobs.size > 0,
        calls: Object.keys(definition.calls ?? {}).sort(),
        callers: policies.map(({ appId, operations }) => ({ appId, operations })),
        publishes: topics?.publishes ?? [],
        subscribes: topics?.subscribes ?? [],
        bindings: definition.outputBindings ?? [],
        endpoints: definition.endpoints ?? [],
        apis: allowedApis(service),
        readModel: definition.readModel !== undefined,
        variables: variables[name] ?? [],
      },
    ]);
  });
  return { common, services: Object.fromEntries(rows) };
}

/** dapr.yaml has the port of message streams beside that of HTTP: 23012 for 3012. */
const INGEST_OFFSET = 20_000;

/**
 * The metadata of the components that can be chosen, by kind and name: components/bus/redis/bus.yaml is
 * `bus.redis`.
 * @param {ReadonlyMap<string, string>} files
 */
function components(files) {
  /** @type {Record<string, Record<string, { type: string, version: string, metadata: unknown[] }>>} */
  const all = {};
  for (const [path, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [, kind, name] = /^components\/(bus|state|devices)\/([\w-]+)\/\w+\.yaml$/.exec(path) ?? [];
    if (kind === undefined || name === undefined) continue;
    const { type, version, metadata } = parse(content).spec;
    (all[kind] ??= {})[name] = { type, version, metadata };
  }
  return all;
}
