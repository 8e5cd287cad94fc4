import compression from 'compression';
import type { EdgeResponse } from './types';

/** Compressing a smaller body saves nothing. */
export const LARGE_BYTES = 1_024;

/**
 * Compresses bodies of LARGE_BYTES and more if the client accepts it. Never under /auth/: there the
 * length of a compressed body could reveal a secret that stands beside input of the client (BREACH).
 * Run it only for responses that may be compressed, as it wraps their every write.
 */
export const compress = compression({
  threshold: LARGE_BYTES,
  filter: (request, response) => {
    // Express passes its own response, typed as that of Node
    const { locals } = response as unknown as EdgeResponse;
    return !locals.endpoint.includes('/auth/') && compression.filter(request, response);
  },
});
