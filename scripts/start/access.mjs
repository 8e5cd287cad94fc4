// @ts-check
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inProject } from './project.mjs';

/**
 * The accounts at a server that is started here. Without them it accepts every client, as in tests.
 * @typedef {object} Access
 * @property {(name: string) => string} passwordOf by the name of an account
 * @property {readonly AppAccess[]} apps
 *
 * An app, whose sidecar has an account with the app's name, and the topics of its definition.
 * @typedef {{ name: string, publishes: readonly string[], subscribes: readonly string[] }} AppAccess
 */

/**
 * @param {string} server
 * @param {object} about
 * @param {string} about.secret of this installation, from which all passwords are derived
 * @param {string} about.bus a folder of components/bus
 * @param {readonly string[]} about.apps
 * @returns {Access}
 */
export function accessTo(server, { secret, bus, apps }) {
  const text = readFileSync(inProject('components', 'bus', bus, 'bus.yaml'), 'utf8');
  const [publishing, subscription] = ['publishingScopes', 'subscriptionScopes'].map((name) =>
    scopesIn(text, name),
  );
  return {
    passwordOf: (name) =>
      createHmac('sha256', secret).update(`${server} ${name}`).digest('base64url'),
    apps: apps.map((name) => ({
      name,
      publishes: publishing?.get(name) ?? [],
      subscribes: subscription?.get(name) ?? [],
    })),
  };
}

/**
 * The scopes of a bus component. Read line by line, like dapr.yaml.
 * @param {string} text
 * @param {string} name
 * @returns {Map<string, string[]>} topics by app
 */
function scopesIn(text, name) {
  const [, block = ''] =
    new RegExp(`- name: ${name}\\n\\s*value: >-\\n((?:\\s+[\\w-]+=.*\\n?)*)`).exec(text) ?? [];
  return new Map(
    [...block.matchAll(/([\w-]+)=([^;\n]*)/g)].map(([, app = '', topics = '']) => [
      app,
      topics.split(',').filter(Boolean),
    ]),
  );
}
