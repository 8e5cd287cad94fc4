import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { NETWORK } from '../node/place';

const Message = z.object({ notificationId: z.string() });
const PORTS = { email: 8025, sms: 8026 };

/** Where the release sends its messages: servers of the test, which remember the id of each message. */
export class Mailbox {
  readonly ids = { email: new Set<string>(), sms: new Set<string>() };
  readonly #servers = (['email', 'sms'] as const).map((kind) => {
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        this.ids[kind].add(Message.parse(JSON.parse(body)).notificationId);
        response.end();
      });
    });
    return server.listen(PORTS[kind], NETWORK.node);
  });

  close(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }
}

const binding = (port: number) => ({
  type: 'bindings.http',
  version: 'v1',
  metadata: [{ name: 'url', value: `http://${NETWORK.node}:${port}/` }],
});

/** The values with which messages are sent there. */
export const TO_MAILBOX = {
  notifications: { email: binding(PORTS.email), sms: binding(PORTS.sms) },
  services: {
    notification: {
      egress: [
        {
          to: [{ ipBlock: { cidr: `${NETWORK.node}/32` } }],
          ports: Object.values(PORTS).map((port) => ({ protocol: 'TCP', port })),
        },
      ],
    },
  },
};
