import { DAPR_VERSION } from '../../../scripts/start/runtime.mjs';
import { sourceOf } from '../node/binaries';
import { helm, tryHelm } from './cluster';

export const DAPR_NAMESPACE = 'dapr-system';

/** The values of Dapr's own chart with which the services can run under the restricted Pod Security Standard. */
const VALUES = {
  'global.registry': 'localhost/cluster',
  'global.tag': DAPR_VERSION,
  'global.imagePullPolicy': 'Never',
  'dapr_sidecar_injector.sidecarImagePullPolicy': 'Never',
  'dapr_sidecar_injector.sidecarDropALLCapabilities': 'true',
  // Not webhookFailurePolicy=Fail: without an injector its own pod could not be created again. A pod that was created
  // meanwhile has no sidecar; the operator replaces it.
  'dapr_operator.watchInterval': '15s',
  'dapr_sidecar_injector.enableK8sDownwardAPIs': 'true',
  // Jobs are on a volume each, so that they survive the loss of all its pods. The default size is 16 Gi.
  'dapr_scheduler.cluster.storageSize': '1Gi',
};

/** Installs Dapr with its control plane as pods and mTLS between sidecars, unless it is there. */
export async function installDapr(): Promise<void> {
  const { code, stdout } = await tryHelm(['status', 'dapr', '-n', DAPR_NAMESPACE]);
  if (code === 0 && stdout.includes('STATUS: deployed')) return;
  const chart = `${await sourceOf('dapr', 'github.com/dapr/dapr')}/charts/dapr`;
  const values = Object.entries(VALUES).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  await helm([
    ...['upgrade', '--install', 'dapr', chart, '-n', DAPR_NAMESPACE, '--create-namespace'],
    ...[...values, '--wait', '--timeout', '240s'],
  ]);
}
