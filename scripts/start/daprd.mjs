// @ts-check
import { readFileSync } from 'node:fs';
import { accessControlOf } from './access-control.mjs';

// How a sidecar is started, by `npm start` and in every test.

/**
 * @typedef {{ http: number, grpc: number, internal: number, metrics: number }} SidecarPorts
 *
 * @typedef {object} Sidecar
 * @property {string} app
 * @property {string} protocol of the app: grpc or http
 * @property {number} appPort
 * @property {SidecarPorts} ports
 * @property {string} configuration a file
 * @property {readonly string[]} resources folders of components
 * @property {{ placement: number, scheduler: number } | undefined} plane the ports of the control plane, if there
 *   is one
 * @property {string | undefined} sentry its address, if the sidecar has an identity
 */

/** The arguments of daprd. It listens on loopback addresses only. @param {Sidecar} sidecar */
export const daprdArgs = ({
  app,
  protocol,
  appPort,
  ports,
  configuration,
  resources,
  plane,
  sentry,
}) => [
  ...['--app-id', app, '--app-protocol', protocol, '--app-port', String(appPort)],
  ...['--dapr-http-port', String(ports.http), '--dapr-grpc-port', String(ports.grpc)],
  ...['--dapr-listen-addresses', '127.0.0.1'],
  ...['--dapr-internal-grpc-port', String(ports.internal)],
  ...['--dapr-internal-grpc-listen-address', '127.0.0.1'],
  ...['--metrics-port', String(ports.metrics), '--metrics-listen-address', '127.0.0.1'],
  ...['--config', configuration],
  ...resources.flatMap((folder) => ['--resources-path', folder]),
  ...(plane
    ? [
        ...['--placement-host-address', `127.0.0.1:${plane.placement}`],
        ...['--scheduler-host-address', `127.0.0.1:${plane.scheduler}`],
      ]
    : []),
  ...(sentry ? ['--enable-mtls', '--sentry-address', sentry] : []),
];

/** Sidecars call each other by this address. By default it is the external one of the machine. */
export const DAPRD_ENV = { DAPR_HOST_IP: '127.0.0.1' };

/**
 * The Configuration of a sidecar with an identity: with the calls that the app accepts.
 * @param {string} file
 * @param {string} app
 * @param {string} [calls] the file of the permitted calls
 * @returns {Promise<string>} its text
 */
export async function withAccessControl(file, app, calls) {
  // Not installed before the first start has installed the packages.
  const { parse, stringify } = await import('yaml');
  const configuration = parse(readFileSync(file, 'utf8'));
  configuration.spec.accessControl = accessControlOf(app, calls);
  return stringify(configuration);
}
