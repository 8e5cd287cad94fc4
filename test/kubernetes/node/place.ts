import { join } from 'node:path';
import { inProject } from '../../../scripts/start/project.mjs';

/** Everything that the cluster needs and keeps: built programs, images, the state of its node. */
export const HOME = inProject('.kubernetes');
/** The state of the node. */
export const NODE_HOME = join(HOME, 'node');
/** The images that the node imports, each an archive of its own. */
export const IMAGES = join(HOME, 'images');

/** A program that was built for the cluster. */
export const program = (name: string): string => join(HOME, 'bin', name);

/** The addresses of the cluster. They exist in the node's own network namespace only. */
export const NETWORK = {
  node: '10.99.0.1',
  pods: '10.244.0.0/16',
  podsOfNode: '10.244.0.0/24',
  services: '10.96.0.0/16',
  api: '10.96.0.1',
  dns: '10.96.0.10',
} as const;
export const NODE = 'node-0';
export const CGROUP = 'omnichannel-node';
export const API_PORT = 6443;
/** The certificate of the cluster's authority, and the access of its administrator. */
export const KUBECONFIG = join(NODE_HOME, 'access', 'admin.json');
