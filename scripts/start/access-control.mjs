// @ts-check
import { readFileSync } from 'node:fs';
import { inProject } from './project.mjs';

/**
 * What components/access.json permits the callers of an app, as its sidecar checks it. All other calls are refused.
 * Only where sidecars have identities: without them Dapr refuses every call.
 * @param {string} app
 */
export function accessControlOf(app) {
  /** @type {Record<string, Record<string, string[]>>} */
  const lists = JSON.parse(readFileSync(inProject('components', 'access.json'), 'utf8'));
  const caller = { defaultAction: 'deny', trustDomain: 'public', namespace: 'default' };
  return {
    defaultAction: 'deny',
    trustDomain: 'public',
    policies: Object.entries(lists[app] ?? {}).map(([appId, services]) => ({
      ...{ appId, ...caller },
      operations: services.map((service) => ({ name: `/${service}/*`, action: 'allow' })),
    })),
  };
}
