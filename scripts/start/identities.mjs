// @ts-check
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// How sidecars, placement and scheduler prove to sentry which one they are. Sentry's own way for one machine
// gives every identity to every process that asks.

/** The services of Dapr's control plane, whose identities have a trust domain of their own. */
const CONTROL_PLANE = ['dapr-placement', 'dapr-scheduler'];
const CONTROL_PLANE_DOMAIN = 'localhost';
/** Of the apps: Dapr's default. */
const APPS_DOMAIN = 'public';
const AUDIENCE = `spiffe://${CONTROL_PLANE_DOMAIN}/ns/default/dapr-sentry`;
/** A sidecar shows its token again whenever it renews its certificate, once a day. */
const VALID_SECONDS = 365 * 24 * 60 * 60;

/**
 * Prepares the folder of a sentry that accepts only the tokens that are made here. The key for them is made new
 * at every start and stored nowhere.
 * @param {string} folder
 * @returns {(id: string) => string} writes the token of an app, or of a service of the control plane, and returns
 *   the file
 */
export function prepareSentry(folder) {
  mkdirSync(join(folder, 'tokens'), { recursive: true, mode: 0o700 });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = createPublicKey(privateKey).export({ format: 'jwk' });
  const source = JSON.stringify({ keys: [{ ...key, kid: 'start', use: 'sig', alg: 'ES256' }] });
  const configuration = {
    apiVersion: 'dapr.io/v1alpha1',
    kind: 'Configuration',
    metadata: { name: 'sentry' },
    spec: { mtls: { enabled: true, tokenValidators: [{ name: 'jwks', options: { source } }] } },
  };
  // JSON is YAML.
  writeFileSync(configurationOf(folder), JSON.stringify(configuration), { mode: 0o600 });
  return (id) => {
    const domain = CONTROL_PLANE.includes(id) ? CONTROL_PLANE_DOMAIN : APPS_DOMAIN;
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      sub: `spiffe://${domain}/ns/default/${id}`,
      aud: [AUDIENCE],
      iat: now,
      exp: now + VALID_SECONDS,
    };
    const text = `${encoded({ alg: 'ES256', kid: 'start', typ: 'JWT' })}.${encoded(claims)}`;
    const signature = sign('sha256', Buffer.from(text), {
      key: privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    const file = join(folder, 'tokens', id);
    writeFileSync(file, `${text}.${signature.toString('base64url')}`, { mode: 0o600 });
    return file;
  };
}

/** @param {unknown} value */
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** @param {string} folder */
const configurationOf = (folder) => join(folder, 'configuration.yaml');

/** The certificate of the authority, which sentry makes at its first start. @param {string} folder */
export const authorityIn = (folder) => join(folder, 'ca.crt');

/**
 * @param {string} folder
 * @param {{ port: number, health: number }} ports
 */
export const sentryArgs = (folder, { port, health }) => [
  ...['--issuer-credentials', folder, '--trust-domain', CONTROL_PLANE_DOMAIN],
  ...['--config', configurationOf(folder)],
  ...['--listen-address', '127.0.0.1', '--port', String(port)],
  ...['--healthz-listen-address', '127.0.0.1', '--healthz-port', String(health)],
  // It would listen on all interfaces.
  '--enable-metrics=false',
];

/**
 * The arguments with which placement and scheduler use that sentry.
 * @param {string} folder
 * @param {number} port
 */
export const controlPlaneTlsArgs = (folder, port) => [
  ...['--tls-enabled', '--sentry-address', `127.0.0.1:${port}`],
  ...['--trust-anchors-file', authorityIn(folder), '--trust-domain', CONTROL_PLANE_DOMAIN],
];
