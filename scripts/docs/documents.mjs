// @ts-check
import { asyncapi } from './asyncapi.mjs';
import { topology } from './topology.mjs';

/**
 * @typedef {object} System
 * @property {readonly import('#kit/service/service').Service[]} services
 * @property {readonly import('#kit/messages/contract').Contract[]} contracts
 * @property {import('zod').ZodType} envelope the CloudEvent around each event's data
 * @property {object} edge the OpenAPI document of the gateway
 */

/**
 * The generated files of docs/, by name.
 * @param {System} system
 */
export function documents({ services, contracts, envelope, edge }) {
  return new Map([
    ['asyncapi.json', `${JSON.stringify(asyncapi(contracts, services, envelope), null, 2)}\n`],
    ['openapi.json', `${JSON.stringify(edge, null, 2)}\n`],
    ['topology.md', topology(services)],
  ]);
}
