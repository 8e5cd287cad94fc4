import fc, { type Arbitrary } from 'fast-check';
import { openEdge } from '../../../services/gateway/testing/edge';
import { UNLIMITED } from '../../../services/gateway/testing/edge-config';
import { Code, MicroserviceError } from '#kit/core/errors';
import { PageRequest, validate } from '#kit/core/validation';
import { anyName, anyText } from '../json-values';
import { type Target, target } from '../target';

// The path and the query of a request, through the real edge over a socket: pages, filters and ids.

const ENCODED = [
  '%00',
  '%',
  '%zz',
  '%ff',
  '%C0%AF',
  '%2e%2e',
  '%70age',
  '%E2%80%AE',
  '+',
  '%F0%9F%98%80',
];
const encoded = fc.oneof(
  anyText.filter((text) => text.isWellFormed()).map(encodeURIComponent),
  fc.constantFrom(...ENCODED),
  fc.integer().map(String),
  fc.constantFrom('0', '-1', '1e3', '0x10', '01', ' 1', '2147483648', '99999999999', '1.5', 'null'),
);
const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('page', 'limit', 'category') },
  anyName.filter((text) => text.isWellFormed()).map(encodeURIComponent),
);
const query = fc
  .array(fc.tuple(name, fc.constantFrom('=', '=', '=', '', '[]=', '[a]='), encoded), {
    maxLength: 5,
  })
  .map((parts) => parts.map((part) => part.join('')).join('&'));

interface Input {
  readonly path: string;
  readonly query: string;
}

const input: Arbitrary<Input> = fc.record({
  path: fc.oneof(
    { weight: 4, arbitrary: fc.constant('/products') },
    encoded.map((id) => `/products/${id}`),
  ),
  query,
});

const ANSWERS = [200, 400, 404, 422];

export const parameters = async (): Promise<Target> => {
  const received: { page: number; limit: number }[] = [];
  const edge = await openEdge(
    {
      product: {
        listProducts: (request) => {
          received.push(request);
          // as every list does
          validate(PageRequest, request);
          return {};
        },
        getProduct: () => {
          throw new MicroserviceError('product not found', Code.NOT_FOUND);
        },
      },
    },
    { config: { LIMITS_FILE: UNLIMITED } },
  );
  return target({
    name: 'parameters',
    about: 'paths and queries: pages, filters and ids, through the real edge',
    cost: 20,
    input,
    close: () => edge.close(),
    check: async ({ path, query }) => {
      received.length = 0;
      const url = `/api/v1${path}${query === '' ? '' : `?${query}`}`;
      const { status, body } = await edge.send('GET', url);
      if (!ANSWERS.includes(status)) throw new Error(`status ${status}: ${JSON.stringify(body)}`);
      if (status === 422 && (body.details?.fields ?? []).length === 0) {
        throw new Error('the refusal names no field');
      }
      if (status !== 200) return;
      // what is accepted has one value for each name, which is in the query as it is
      const [{ page, limit } = { page: 0, limit: 0 }] = received;
      if (page < 0 || limit < 0 || limit > 100) throw new Error(`page ${page}, limit ${limit}`);
      const given = new URLSearchParams(query);
      for (const [key, number] of [
        ['page', page],
        ['limit', limit],
      ] as const) {
        const all = given.getAll(key);
        if (all.length > 1) throw new Error(`${key} was given ${all.length} times`);
        if (all.length === 1 && Number(all[0]) !== number) throw new Error(`${key} is ${number}`);
      }
    },
  });
};
