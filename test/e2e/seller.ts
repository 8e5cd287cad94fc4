import { z } from 'zod';
import { Edge } from './edge';
import type { SystemFixture } from './fixtures';

const ApiKey = z.object({ keyId: z.string(), key: z.string() });

/** A seller: an integration with its own API key. */
export class Seller extends Edge {
  private constructor(
    url: string,
    readonly keyId: string,
    private readonly key: string,
  ) {
    super(url);
  }

  static async register(
    fixture: SystemFixture,
    name: string,
    scopes: readonly string[],
  ): Promise<Seller> {
    const body = { name, role: 'seller', scopes };
    const { keyId, key } = await fixture.admin.ask(ApiKey, 201, 'POST', '/api-keys', { body });
    return new Seller(fixture.url, keyId, key);
  }

  override send(method: string, path: string, sent: Parameters<Edge['send']>[2] = {}) {
    return super.send(method, path, {
      ...sent,
      headers: { 'x-api-key': this.key, ...sent.headers },
    });
  }
}
