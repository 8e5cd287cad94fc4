// @ts-check
import { asyncapi } from './asyncapi.mjs';
import { topology } from './topology.mjs';

/**
 * @typedef {object} House
 * @property {readonly import('#kit/service/service').Service[]} services
 * @property {readonly import('#kit/messages/contract').Contract[]} contracts
 * @property {import('zod').ZodType} envelope
 * @property {object} edge the edge's API, as OpenAPI
 */

/**
 * The files of docs/ and what stands in them.
 * @param {House} house
 */
export function documents({ services, contracts, envelope, edge }) {
  return new Map([
    ['asyncapi.json', `${JSON.stringify(asyncapi(contracts, services, envelope), null, 2)}\n`],
    ['openapi.json', `${JSON.stringify(edge, null, 2)}\n`],
    ['topology.md', topology(services)],
  ]);
}
