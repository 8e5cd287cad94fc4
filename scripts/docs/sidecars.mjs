// @ts-check
import { parse, stringify } from 'yaml';

/**
 * @typedef {Pick<import('#kit/service/service').Service, 'name' | 'definition' | 'jobs' | 'subscribesTo'>} Service
 * @typedef {import('zod').ZodObject} ZodObject
 */

/**
 * The file that tells a sidecar which of its APIs are open, one for each app.
 * @param {string} app
 */
export const configurationOf = (app) => `components/sidecars/${app}.yaml`;

/**
 * The Configurations of all sidecars: components/configuration.yaml, and the APIs that the app needs.
 * @param {readonly Service[]} services
 * @param {readonly string[]} others apps of dapr.yaml that are no services
 * @param {string} common the text of components/configuration.yaml
 * @returns {Map<string, string>} texts by path
 */
export function sidecarConfigurations(services, others, common) {
  /** @type {[app: string, allowed: Rule[]][]} */
  const all = [
    ...services.map((it) => /** @type {[string, Rule[]]} */ ([it.name, allowedApis(it)])),
    ...others.map((app) => /** @type {[string, Rule[]]} */ ([app, NO_MORE])),
  ];
  return new Map(
    all.map(([app, allowed]) => {
      const configuration = parse(common);
      configuration.metadata.name = app;
      configuration.spec.api = { allowed };
      return [configurationOf(app), `${head(app)}${stringify(configuration, { singleQuote: true })}`];
    }),
  );
}

/** @typedef {{ name: string, version: string, protocol: 'http' | 'grpc' }} Rule */

/**
 * A list without a rule for a protocol would allow everything of that protocol. Bindings need no further
 * restriction: an app has those that name it in their scopes.
 * @type {Rule[]}
 */
const NO_MORE = [
  { name: 'bindings', version: 'v1', protocol: 'http' },
  { name: 'bindings', version: 'v1', protocol: 'grpc' },
];

/**
 * The APIs of its sidecar that a service needs.
 * @param {Service} service
 * @returns {Rule[]}
 */
export function allowedApis({ definition, jobs, subscribesTo }) {
  const { publishes = [], requests = [], endpoints = [] } = definition;
  const replies = subscribesTo.some((contract) => 'reply' in contract);
  const http = (/** @type {string} */ name, version = 'v1') =>
    /** @type {Rule} */ ({ name, version, protocol: 'http' });
  return [
    // its documents, dead letters and idempotency keys
    http('state'),
    ...(publishes.length > 0 || requests.length > 0 || replies
      ? [http('publish'), http('publish', 'v1alpha1')]
      : []),
    ...(jobs.size > 0 ? [http('jobs')] : []),
    // services are called by gRPC, so this is for endpoints outside of the system
    ...(endpoints.length > 0 ? [http('invoke')] : []),
    ...NO_MORE,
  ];
}

/** @param {string} app */
const head = (app) => `# The Configuration of the sidecar of ${app}: components/configuration.yaml, and the
# APIs that the app needs. All others are denied. Written by \`npm run docs\`.
`;

/**
 * components/environment.json: the environment variables that processes read. \`npm start\` gives each process
 * no others.
 * @param {readonly Service[]} services
 * @param {ZodObject} kit what every service reads
 */
export function environment(services, kit) {
  const common = Object.keys(kit.shape).sort();
  const own = services.map(({ name, definition }) => [
    name,
    Object.keys(definition.config?.shape ?? {})
      .filter((variable) => !common.includes(variable))
      .sort(),
  ]);
  return `${JSON.stringify({ common, services: Object.fromEntries(own) }, null, 2)}\n`;
}
