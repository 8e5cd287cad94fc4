import type { Dispatcher } from 'undici';

/** The answer to an HTTP request, whole. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: string;
}

/**
 * Asks, and reads the answer as a text. An answer of a sidecar is small and comes in one piece: the
 * stream that undici's own `request` makes of each costs a third of the whole exchange.
 * Rejects with undici's error where no answer comes.
 */
export function exchange(
  through: Dispatcher,
  request: Dispatcher.DispatchOptions,
): Promise<HttpResponse> {
  return new Promise((answered, failed) => {
    let status = 0;
    let headers: HttpResponse['headers'] = {};
    const pieces: Buffer[] = [];
    through.dispatch(request, {
      onRequestStart: () => undefined,
      onResponseStart: (_, code, all) => {
        status = code;
        headers = all;
      },
      onResponseData: (_, piece) => {
        pieces.push(piece);
      },
      onResponseEnd: () => {
        const [first] = pieces;
        const whole = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
        answered({ status, headers, body: whole.toString('utf8') });
      },
      onResponseError: (_, error) => {
        failed(error);
      },
    });
  });
}
