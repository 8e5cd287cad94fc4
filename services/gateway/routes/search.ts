import { SearchService } from '#proto/retail/search/v1/search_pb';
import { ADMINS } from '../auth/access';
import { type Route, call } from './types';

const search = SearchService.method;

/** The search over the catalogue, and its index. */
export const searchRoutes: readonly Route[] = [
  call('GET', '/search', 'search', search.search, {
    access: 'optional',
    owner: 'everyone',
    query: [
      ...(['q', 'category', 'minPrice', 'maxPrice', 'inStock', 'shopId'] as const),
      ...(['sort', 'page', 'limit'] as const),
    ],
  }),
  call('GET', '/search/suggest', 'search', search.suggest, {
    access: 'optional',
    owner: 'everyone',
    query: ['q', 'limit'],
  }),
  call('GET', '/search/index', 'search', search.getIndexStatus, {
    access: ADMINS,
    owner: 'admin',
  }),
  call('POST', '/search/index/rebuild', 'search', search.startRebuild, {
    access: ADMINS,
    owner: 'admin',
    idempotent: true,
  }),
];
