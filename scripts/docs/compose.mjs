// @ts-check
import { stringify } from 'yaml';
import { DAPR_VERSION } from '../start/runtime.mjs';
import { configurationOf } from './sidecars.mjs';

/** @typedef {Pick<import('#kit/service/service').AnyService, 'name' | 'jobs' | 'definition'>} Service */

/** The ports of the first sidecar: for HTTP, gRPC, other sidecars and metrics. Each further one has the next. */
const FIRST = { http: 3500, grpc: 50_100, internal: 50_200, metrics: 9_100 };
const SCHEDULER_PORT = 50_006;

/** A value that must be set, for every password and token of the system. */
const SECRET = '${OMNICHANNEL_SECRET:?set it to a long random text}';
const RESTART = 'unless-stopped';

const HEAD = `# The whole system from its image, on one machine. Written by \`npm run docs\`.
#
#   docker compose -f deploy/compose.yaml build
#   OMNICHANNEL_SECRET=... docker compose -f deploy/compose.yaml up
#   curl http://127.0.0.1:4000/api/v1/products
#
# All containers share the network of \`gateway\`, so that the components of components/ hold as they are: everything
# listens on its loopback address, and only the published ports are reached from outside. docs/security.md says what
# that protects; docs/kubernetes.md describes an installation with identities and network policies.
`;

/**
 * deploy/compose.yaml: each service and its sidecar, with RabbitMQ, PostgreSQL and mosquitto.
 * @param {readonly Service[]} services
 * @param {readonly import('../start/project.mjs').App[]} apps those of dapr.yaml
 */
export function composeFile(services, apps) {
  const entries = services.flatMap((service, at) => {
    const app = apps.find(({ id }) => id === service.name);
    if (app === undefined) throw new Error(`dapr.yaml does not run ${service.name}`);
    const ports = Object.fromEntries(
      Object.entries(FIRST).map(([name, port]) => [name, port + at]),
    );
    return [
      [service.name, serviceEntry(service, app, ports)],
      [`${service.name}-sidecar`, sidecarEntry(service, app, ports)],
    ];
  });
  const document = {
    name: 'omnichannel',
    services: { ...Object.fromEntries(entries), ...servers() },
    volumes: { data: {}, jobs: {}, rabbitmq: {}, postgresql: {}, mosquitto: {} },
  };
  return `${HEAD}${stringify(document, { singleQuote: true, lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** What every container of the image has. */
const hardened = {
  read_only: true,
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges:true'],
  restart: RESTART,
};

const shared = { network_mode: 'service:gateway' };

/**
 * @param {Service} service
 * @param {import('../start/project.mjs').App} app
 * @param {Record<string, number>} ports
 */
function serviceEntry({ name, definition }, app, ports) {
  const isEdge = name === 'gateway';
  const variables = Object.keys(definition.config?.shape ?? {});
  const keyFiles = variables.filter((variable) => variable.endsWith('_KEY_FILE'));
  return {
    image: 'omnichannel',
    ...(isEdge && { build: { context: '..', target: 'services' } }),
    command: [name],
    environment: {
      HOST: isEdge ? '0.0.0.0' : '127.0.0.1',
      ...(!isEdge && { APP_PORT: String(app.appPort) }),
      DAPR_HTTP_PORT: String(ports.http),
      DAPR_GRPC_PORT: String(ports.grpc),
      DAPR_API_TOKEN: SECRET,
      APP_API_TOKEN: SECRET,
      SERVICE_KEYS: '/data/keys',
      ...Object.fromEntries(keyFiles.map((variable) => [variable, `/data/${name}-master`])),
      ...(definition.readModel !== undefined && {
        READ_STORE: '/app/components/read-store/postgresql.yaml',
        READ_STORE_PASSWORD: SECRET,
      }),
      ...(variables.includes('LIMITS_FILE') && { LIMITS_FILE: '/app/deploy/limits.json' }),
      ...(variables.includes('ADMIN_EMAIL') && {
        ADMIN_EMAIL: '${ADMIN_EMAIL:-admin@example.com}',
        ADMIN_PASSWORD: SECRET,
      }),
    },
    volumes: ['data:/data'],
    ...(isEdge ? { ports: ['127.0.0.1:4000:4000'] } : shared),
    stop_grace_period: '40s',
    ...hardened,
  };
}

/**
 * @param {Service} service
 * @param {import('../start/project.mjs').App} app
 * @param {Record<string, number>} ports
 */
function sidecarEntry({ name, jobs, definition }, app, ports) {
  const hasDevices = definition.outputBindings?.includes('devices');
  return {
    image: 'omnichannel-daprd',
    ...(name === 'gateway' && { build: { context: '..', target: 'daprd' } }),
    command: [
      '/daprd',
      ...['--app-id', name, '--config', `/${configurationOf(name)}`],
      ...(name === 'gateway' ? [] : ['--app-port', String(app.appPort), '--app-protocol', 'grpc']),
      ...['--dapr-http-port', String(ports.http), '--dapr-grpc-port', String(ports.grpc)],
      ...['--dapr-internal-grpc-port', String(ports.internal)],
      ...['--metrics-port', String(ports.metrics), '--dapr-graceful-shutdown-seconds', '10'],
      ...(jobs.size > 0 ? ['--scheduler-host-address', `127.0.0.1:${SCHEDULER_PORT}`] : []),
      ...['', '/bus/rabbitmq', '/state/postgresql', '/devices/mosquitto'].flatMap((folder) => [
        '--resources-path',
        `/components${folder}`,
      ]),
    ],
    environment: {
      DAPR_API_TOKEN: SECRET,
      APP_API_TOKEN: SECRET,
      POSTGRES_PASSWORD: SECRET,
      ...(hasDevices && { DEVICES_BROKER_URL: 'tcp://127.0.0.1:1883' }),
    },
    working_dir: '/',
    volumes: ['../components:/components:ro', 'data:/data'],
    depends_on: {
      queues: { condition: 'service_completed_successfully' },
      postgresql: { condition: 'service_healthy' },
    },
    ...shared,
    stop_grace_period: '20s',
    ...hardened,
  };
}

function servers() {
  const health = (/** @type {string[]} */ ...test) => ({
    healthcheck: { test: ['CMD', ...test], interval: '2s', timeout: '10s', retries: 60 },
  });
  return {
    rabbitmq: {
      image: 'docker.io/library/rabbitmq:3.13-management',
      volumes: ['rabbitmq:/var/lib/rabbitmq'],
      ...health('rabbitmq-diagnostics', '-q', 'check_port_connectivity'),
      ...shared,
      // The queues belong to a node of this name.
      environment: { RABBITMQ_NODENAME: 'omnichannel@localhost' },
      restart: RESTART,
    },
    queues: {
      image: 'omnichannel',
      command: ['declare-queues'],
      // guest is accepted from the same network only.
      environment: {
        RABBITMQ_API: 'http://127.0.0.1:15672',
        RABBITMQ_USERNAME: 'guest',
        RABBITMQ_PASSWORD: 'guest',
      },
      depends_on: { rabbitmq: { condition: 'service_healthy' } },
      ...shared,
      ...hardened,
      restart: 'on-failure',
      healthcheck: { disable: true },
    },
    postgresql: {
      image: 'docker.io/library/postgres:17',
      command: ['postgres', '-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=200'],
      environment: {
        POSTGRES_USER: 'omnichannel',
        POSTGRES_PASSWORD: SECRET,
        POSTGRES_DB: 'omnichannel',
      },
      volumes: ['postgresql:/var/lib/postgresql/data'],
      ...health('pg_isready', '-h', '127.0.0.1', '-U', 'omnichannel'),
      ...shared,
      restart: RESTART,
    },
    // Without a configuration it listens on the loopback address only, so no device outside reaches it.
    mosquitto: {
      image: 'docker.io/library/eclipse-mosquitto:2',
      volumes: ['mosquitto:/mosquitto/data'],
      ...shared,
      restart: RESTART,
    },
    scheduler: {
      image: `docker.io/daprio/scheduler:${DAPR_VERSION}`,
      command: [
        './scheduler',
        ...['--port', String(SCHEDULER_PORT), '--listen-address', '127.0.0.1'],
        ...['--healthz-port', '8090', '--metrics-port', '9099', '--etcd-data-dir', '/jobs'],
      ],
      // Its image has no folder that its own user may write.
      user: '0',
      volumes: ['jobs:/jobs'],
      ...shared,
      restart: RESTART,
    },
    'payment-provider-simulator': {
      image: 'omnichannel',
      command: ['payment-provider-simulator'],
      environment: { HOST: '127.0.0.1', LEDGER_FILE: '/data/payment-provider.db' },
      volumes: ['data:/data'],
      ...shared,
      ...hardened,
    },
  };
}
