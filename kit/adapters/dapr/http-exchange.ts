import type { Dispatcher } from 'undici';

/** A complete HTTP response. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: string;
}

/**
 * Sends a request and reads the response as text. A sidecar's responses are small and arrive in one
 * chunk. The stream that undici's `request` creates for each would cost a third of the whole exchange.
 * Rejects with undici's error if there is no response.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let headers: HttpResponse['headers'] = {};
    const chunks: Buffer[] = [];
    dispatcher.dispatch(request, {
      onRequestStart: () => undefined,
      onResponseStart: (_, code, responseHeaders) => {
        status = code;
        headers = responseHeaders;
      },
      onResponseData: (_, chunk) => {
        chunks.push(chunk);
      },
      onResponseEnd: () => {
        const [first] = chunks;
        const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
        resolve({ status, headers, body: body.toString('utf8') });
      },
      onResponseError: (_, error) => {
        reject(error);
      },
    });
  });
}
