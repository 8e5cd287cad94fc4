import { brotliCompress, constants, deflate, gzip } from 'node:zlib';
import type { EdgeResponse } from './types';

/** Compressing a smaller body saves nothing. */
export const LARGE_BYTES = 1_024;

export type Coding = 'br' | 'gzip' | 'deflate';
type Done = (error: Error | null, bytes: Buffer) => void;

const CODINGS: Readonly<Record<Coding, (text: string, done: Done) => void>> = {
  // the default quality, 11, takes a hundred times as long for a tenth less
  br: (text, done) => {
    brotliCompress(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }, done);
  },
  gzip: (text, done) => {
    gzip(text, done);
  },
  deflate: (text, done) => {
    deflate(text, done);
  },
};
const NAMES = Object.keys(CODINGS) as readonly Coding[];

/** Whether a body of this size may be compressed, so that the response depends on Accept-Encoding. */
export function isCompressible({ locals }: EdgeResponse, bytes: number): boolean {
  // There the length of a compressed body could reveal a secret beside input of the client (BREACH).
  return bytes >= LARGE_BYTES && !locals.endpoint.includes('/auth/');
}

/** The coding of a body that may be compressed: the best one that the client accepts. */
export function codingFor(request: EdgeResponse['req']): Coding | 'identity' {
  // without the header any coding would be acceptable, also to a client that has no decoder
  if (request.headers['accept-encoding'] === undefined) return 'identity';
  const accepted = request.acceptsEncodings([...NAMES, 'identity']);
  return NAMES.find((name) => name === accepted) ?? 'identity';
}

/** Ends a response with a body in this coding. */
export function endCompressed(response: EdgeResponse, coding: Coding, text: string): void {
  CODINGS[coding](text, (error, bytes) => {
    if (error !== null) {
      response.destroy(error);
      return;
    }
    response.setHeader('content-length', bytes.length);
    response.end(bytes);
  });
}
