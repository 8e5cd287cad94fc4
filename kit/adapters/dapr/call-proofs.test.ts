import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ListProductsResponseSchema, ProductService } from '#proto/retail/product/v1/product_pb';
import { type CallContext, newCallContext } from '../../core/call-context';
import { type Caller, anonymous, asService } from '../../core/caller';
import { systemClock } from '../../core/clock';
import { silentLog } from '../../core/log';
import { PublicKeyRing } from '../../security/public-key-ring';
import { loadSigningKey } from '../../security/service-keys';
import { ServiceTokens } from '../../security/service-tokens';
import { EDGE, UserAssertionSigner, UserAssertionVerifier } from '../../security/user-assertions';
import { grpcDefinition } from './grpc-adapter';
import { NO_SIGNATURES } from '../../messages/event-signatures';
import { DaprSidecar } from './sidecar';
import type { CallProofs } from './sidecar-grpc';

// The proofs that a service sends with a call, on the wire: the sidecar is a server of the test.

const received: Metadata[] = [];
let folder: string;
let wire: Server;
let port = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'call-proofs-'));
  wire = new Server();
  wire.addService(grpcDefinition(ProductService), {
    listProducts: (call: ServerUnaryCall<object, object>, done: sendUnaryData<object>) => {
      received.push(call.metadata);
      done(null, create(ListProductsResponseSchema));
    },
  });
  port = await new Promise<number>((bound, failed) => {
    wire.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, open) => {
      if (error === null) bound(open);
      else failed(error);
    });
  });
});
afterAll(() => {
  wire.forceShutdown();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  received.length = 0;
});

async function sent(proofs: CallProofs, given: Partial<CallContext>) {
  const address = { host: '127.0.0.1', httpPort: port, grpcPort: port };
  const sidecar = new DaprSidecar(address, NO_SIGNATURES, proofs);
  const method = ProductService.method.listProducts;
  const callContext = newCallContext(systemClock, given);
  await sidecar.call({ appId: 'product', method, request: create(method.input), callContext });
  await sidecar.close();
  return received.at(-1)?.getMap() ?? {};
}
const ada: Caller = { userId: 'ada', role: 'admin', tenantId: 'acme' };
const edge = async () => ({
  assertions: new UserAssertionSigner(await loadSigningKey(folder, EDGE), systemClock),
});

describe('the edge', () => {
  it('sends the proof of a user, and the user in no other way', async () => {
    const { 'x-user-assertion': assertion, ...others } = await sent(await edge(), { caller: ada });
    const verifier = new UserAssertionVerifier(
      PublicKeyRing.of(folder, systemClock, silentLog),
      systemClock,
    );
    await expect(verifier.verify(String(assertion))).resolves.toEqual(ada);
    expect(JSON.stringify(others)).not.toMatch(/ada|admin|acme/);
  });

  it.each([anonymous('acme'), asService('acme')])(
    'sends no proof for the role $role',
    async (caller) => {
      expect(await sent(await edge(), { caller })).not.toHaveProperty('x-user-assertion');
    },
  );
});

describe('another service', () => {
  it('forwards the proof that it has received, unchanged', async () => {
    const metadata = await sent({}, { caller: ada, assertion: 'a.b.c' });
    expect(metadata['x-user-assertion']).toBe('a.b.c');
  });

  it('sends nothing about a user of whom it has no proof', async () => {
    expect(JSON.stringify(await sent({}, { caller: ada }))).not.toMatch(/ada|admin|acme/);
  });

  it('sends a service token only where its sidecar does not prove its identity', async () => {
    const tokens = await ServiceTokens.open('order', folder, systemClock, silentLog);
    expect(await sent({ tokens }, {})).toHaveProperty('x-service-token');
    expect(await sent({}, {})).not.toHaveProperty('x-service-token');
  });
});
