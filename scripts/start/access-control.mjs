// @ts-check
import { readFileSync } from 'node:fs';
import { inProject } from './project.mjs';

/** @typedef {Record<string, Record<string, string[]>>} Calls full names of methods, by caller and callee */

/**
 * What a file such as components/calls.json permits the callers of an app, as its sidecar checks it: single
 * methods. All other calls are refused, and so are all of Dapr's callbacks. Only where sidecars have identities:
 * without them Dapr refuses every call.
 * @param {string} app
 * @param {string} [file]
 */
export function accessControlOf(app, file = inProject('components', 'calls.json')) {
  /** @type {{ services: Calls, others: Calls }} */
  const { services, others } = JSON.parse(readFileSync(file, 'utf8'));
  /** @type {Map<string, Set<string>>} */
  const callers = new Map();
  for (const [caller, { [app]: methods = [] }] of [
    ...Object.entries(services),
    ...Object.entries(others),
  ]) {
    if (methods.length > 0)
      callers.set(caller, new Set([...(callers.get(caller) ?? []), ...methods]));
  }
  const caller = { defaultAction: 'deny', trustDomain: 'public', namespace: 'default' };
  return {
    defaultAction: 'deny',
    trustDomain: 'public',
    policies: [...callers].map(([appId, methods]) => ({
      ...{ appId, ...caller },
      operations: [...methods].map((name) => ({ name: `/${name}`, action: 'allow' })),
    })),
  };
}
