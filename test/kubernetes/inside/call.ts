import { Client, Metadata, credentials, status } from '@grpc/grpc-js';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

// Run in the network of a pod: calls a method of an app through the sidecar of the pod, with an empty request, and
// prints the status and its message.

const Call = z.object({
  app: z.string(),
  /** The full name of the method, without a slash in front. */
  method: z.string(),
  /** The token that the sidecar wants, if it has one. */
  token: z.string().optional(),
});
const SIDECAR = '127.0.0.1:50001';
const PATIENCE_MS = 15_000;

async function main(): Promise<void> {
  const { app, method, token } = Call.parse(JSON.parse(await text(process.stdin)));
  const client = new Client(SIDECAR, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('dapr-app-id', app);
  if (token !== undefined) metadata.set('dapr-api-token', token);
  const bytes = (value: Buffer) => value;
  client.makeUnaryRequest(
    `/${method}`,
    bytes,
    bytes,
    Buffer.alloc(0),
    metadata,
    { deadline: Date.now() + PATIENCE_MS },
    (error) => {
      const code = status[error?.code ?? status.OK];
      console.log(JSON.stringify({ code, message: error?.details ?? '' }));
      client.close();
    },
  );
}

void main();
