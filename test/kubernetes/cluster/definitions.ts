import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { sourceOf } from '../node/binaries';
import { kubectl } from './cluster';

/** Where the definitions of objects are that the chart can use and Kubernetes does not have. */
const SOURCES = {
  'github.com/kedacore/keda/v2': 'config/crd/bases',
  'sigs.k8s.io/gateway-api': 'config/crd/standard',
};

/** Installs the definitions of KEDA's objects and of the Gateway API, without their programs. */
export async function installDefinitions(): Promise<void> {
  for (const [module, folder] of Object.entries(SOURCES)) {
    const from = join(await sourceOf('crds', module), folder);
    const files = readdirSync(from).filter(
      (name) => name.endsWith('.yaml') && name !== 'kustomization.yaml',
    );
    for (const file of files) {
      // an annotation of `kubectl apply` would be larger than annotations may be
      await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], {
        input: readFileSync(join(from, file), 'utf8'),
      });
    }
  }
}
