// @ts-check
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accessControlOf } from './access-control.mjs';
import { ownEnv, serviceEnv, sidecarEnv } from './environment.mjs';
import { isFree } from './ports.mjs';
import { inProject, localDir } from './project.mjs';
import { runFile, withTransports } from './transports.mjs';

/**
 * What processes are given besides dapr.yaml and the environment: passwords, addresses.
 * @typedef {object} Given
 * @property {Record<string, string>} services each variable for the services that read it
 * @property {(app: string) => Record<string, string>} sidecars each variable for the components of an app that refer
 *   to it
 * @property {(text: string) => string} components the text of a component, changed where that is needed
 * @property {import('./control-plane.mjs').Identities | undefined} identities of the sidecars, if they have some
 */

/**
 * What `dapr run -f` is started with.
 * @typedef {{ runFile: string, env: Record<string, string> }} Launch
 */

/** The folder of the files for one start. Only this user can read them: they contain tokens and passwords. */
const folder = join(localDir, 'run');

/**
 * Writes the files of one start. The dapr command gives all apps and sidecars its own environment, and takes no
 * environment and not all arguments for a sidecar. So it runs a copy of dapr.yaml in which each app has its own
 * environment, and instead of daprd a script that starts daprd with the environment of its app.
 * @param {import('./runtime.mjs').Runtime} runtime
 * @param {import('./transports.mjs').Transports} transports
 * @param {Given} given
 * @returns {Promise<Launch>}
 */
export async function prepareLaunch(runtime, transports, given) {
  // Not installed before the first start has installed the packages.
  const { parse, stringify } = await import('yaml');
  rmSync(folder, { recursive: true, force: true });
  const bin = join(folder, '.dapr', 'bin');
  mkdirSync(bin, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  mkdirSync(join(folder, '.dapr', 'components'));
  writeFileSync(join(folder, '.dapr', 'config.yaml'), NO_CONFIGURATION);

  // The paths in dapr.yaml are relative to it.
  const run = parse(withTransports(readFileSync(runFile, 'utf8'), transports));
  const { common } = run;
  // Services whose sidecars prove their identities need not prove their own.
  common.env.SERVICE_IDENTITY = given.identities ? 'sidecar' : 'token';
  const { identities } = given;
  // Below the ports that the system gives to outgoing connections: among those is the dapr command's own choice,
  // which was taken now and then before its sidecar had started.
  let port = 20_000;
  const freePort = async () => {
    while (!(await isFree(port))) port++;
    return port++;
  };
  const freePorts = async () => ({
    daprHTTPPort: await freePort(),
    daprGRPCPort: await freePort(),
    daprInternalGRPCPort: await freePort(),
    metricsPort: await freePort(),
  });
  common.resourcesPaths = common.resourcesPaths.map(
    (/** @type {string} */ path, /** @type {number} */ at) =>
      changedFolder(inProject(path), join(folder, 'components', String(at)), given.components),
  );
  common.configFilePath = inProject(common.configFilePath);
  for (const app of run.apps) {
    const { appID: id, appPort } = app;
    app.appDirPath = inProject(app.appDirPath);
    if (app.configFilePath) app.configFilePath = inProject(app.configFilePath);
    if (identities) {
      const configuration = parse(
        readFileSync(app.configFilePath ?? common.configFilePath, 'utf8'),
      );
      configuration.spec.accessControl = accessControlOf(id);
      app.configFilePath = join(bin, `${id}.yaml`);
      writeFileSync(app.configFilePath, stringify(configuration));
    }
    Object.assign(app, await freePorts());
    const tokens = { DAPR_API_TOKEN: newToken(), APP_API_TOKEN: newToken() };
    app.env = {
      ...serviceEnv(id, given.services),
      ...common.env,
      ...app.env,
      // An app without a port does not use its sidecar.
      ...(appPort && tokens),
    };
    const env = {
      ...sidecarEnv(id, common.resourcesPaths, given.sidecars(id)),
      ...tokens,
      ...(identities && {
        DAPR_TRUST_ANCHORS: identities.authority,
        DAPR_SENTRY_TOKEN_FILE: identities.tokenOf(id),
      }),
    };
    writeFileSync(join(bin, `${id}.env`), exports(env), { mode: 0o600 });
  }
  const copy = join(folder, 'dapr.yaml');
  writeFileSync(copy, stringify(run), { mode: 0o600 });
  const daprd = join(runtime.bin, 'daprd');
  writeFileSync(join(bin, 'daprd'), launcher(bin, daprd, identities?.sentry), { mode: 0o700 });
  // Otherwise sidecars call each other by the machine's external address.
  const env = { ...ownEnv(), DAPR_HOST_IP: '127.0.0.1', DAPR_RUNTIME_PATH: folder };
  return { runFile: copy, env };
}

/**
 * @param {string} from
 * @param {string} to
 * @param {(text: string) => string} change
 * @returns {string} a copy of a folder with changed components, or the folder itself if none is changed
 */
function changedFolder(from, to, change) {
  const files = readdirSync(from).filter((name) => /\.ya?ml$/.test(name));
  const texts = files.map((name) => readFileSync(join(from, name), 'utf8'));
  if (texts.every((text) => change(text) === text)) return from;
  mkdirSync(to, { recursive: true });
  files.forEach((name, index) => writeFileSync(join(to, name), change(texts[index] ?? '')));
  return to;
}

const newToken = () => randomBytes(24).toString('base64url');

const NO_CONFIGURATION =
  'apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: none\nspec: {}\n';

/** @param {string} text for a shell */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** @param {Record<string, string>} env */
const exports = (env) =>
  Object.entries(env)
    .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
    .join('');

/**
 * The script that the dapr command runs as daprd. By its defaults an installed daprd opens its internal API and
 * its metrics on all interfaces.
 * @param {string} bin the folder of the environments
 * @param {string} daprd
 * @param {string | undefined} sentry
 */
const launcher = (bin, daprd, sentry) => `#!/bin/sh
name=
for word; do
  [ "$name" = --app-id ] && . ${quoted(bin)}/"$word".env
  name=$word
done
[ "$name" = --version ] && exec ${quoted(daprd)} --version
exec ${quoted(daprd)} "$@" \\
  --dapr-internal-grpc-listen-address 127.0.0.1 --metrics-listen-address 127.0.0.1 ${sentry ? `--enable-mtls --sentry-address ${sentry}` : ''}
`;
