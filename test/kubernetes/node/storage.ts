import { join } from 'node:path';
import { stringify } from 'yaml';
import { NODE_HOME } from './place';

const NAMESPACE = 'storage';
const NAME = 'volumes';

const named = { metadata: { name: NAME, namespace: NAMESPACE } };
const labels = { app: NAME };

/** The provisioner of volumes: each volume is a folder of the node. Its class is the default one. */
export function storageManifests(): string {
  const account = { kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    { apiVersion: 'v1', kind: 'ServiceAccount', ...named },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: NAME },
      roleRef: {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'ClusterRole',
        name: 'cluster-admin',
      },
      subjects: [account],
    },
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: 'standard',
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'rancher.io/local-path',
      volumeBindingMode: 'WaitForFirstConsumer',
      reclaimPolicy: 'Delete',
    },
    { apiVersion: 'v1', kind: 'ConfigMap', ...named, data: settings() },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      ...named,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: NAME,
            volumes: [{ name: 'settings', configMap: { name: NAME } }],
            containers: [
              {
                name: NAME,
                image: 'localhost/cluster/volumes:1',
                imagePullPolicy: 'Never',
                args: [
                  ...['start', '--config', '/settings/config.json'],
                  ...['--configmap-name', NAME, '--service-account-name', NAME],
                ],
                env: [{ name: 'POD_NAMESPACE', value: NAMESPACE }],
                volumeMounts: [{ name: 'settings', mountPath: '/settings' }],
              },
            ],
          },
        },
      },
    },
  ]
    .map((manifest) => stringify(manifest))
    .join('---\n');
}

/** A pod creates and removes the folder of a volume. */
function settings() {
  const paths = [join(NODE_HOME, 'volumes')];
  const helper = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'helper' },
    spec: {
      // The folders of the node are root's.
      securityContext: { runAsUser: 0 },
      containers: [
        { name: 'helper', image: 'localhost/cluster/tools:1', imagePullPolicy: 'Never' },
      ],
    },
  };
  return {
    'config.json': JSON.stringify({
      nodePathMap: [{ node: 'DEFAULT_PATH_FOR_NON_LISTED_NODES', paths }],
    }),
    setup: 'mkdir -m 0777 -p "$VOL_DIR"\n',
    teardown: 'rm -rf "$VOL_DIR"\n',
    'helperPod.yaml': stringify(helper),
  };
}
