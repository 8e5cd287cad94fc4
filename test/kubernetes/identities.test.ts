import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { z } from 'zod';
import { until } from '../harness/until';
import { type Pod, apply, isReady, kubectl, pods } from './cluster/cluster';
import { calls } from './cluster/declared';
import { runInside } from './cluster/processes';
import { NAMESPACE, RELEASE, installed, secret } from './cluster/release';
import { figure } from './cluster/report';

const LONG = 600_000;
const CALLS = 50002;

const Answer = z.object({ code: z.string(), message: z.string() });
const DENIED = /access control policy has denied access/;

async function podOf(component: string): Promise<Pod> {
  const found = (await pods(NAMESPACE, `app.kubernetes.io/component=${component}`)).find(isReady);
  if (found === undefined) throw new Error(`${component} has no pod that is ready`);
  return found;
}

/** Calls a method through the sidecar of a service, as that service. */
async function call(caller: string, callee: string, method: string) {
  const { token = '' } = await secret(`${RELEASE}-${caller}-sidecar`);
  const input = { app: callee, method, token };
  return Answer.parse(await runInside(await podOf(caller), 'call.ts', input));
}

beforeAll(async () => {
  await installed();
}, LONG);

const declared = Object.entries(calls()).flatMap(([caller, callees]) =>
  Object.entries(callees).flatMap(([callee, methods]) =>
    methods.map((method) => ({ caller, callee, method })),
  ),
);

/** Methods that a service does not call, of services that it calls others of: the network does not stop these. */
const undeclared = Object.entries(calls()).flatMap(([caller, callees]) =>
  Object.entries(callees).flatMap(([callee, own]) => {
    const served = new Set(
      declared.filter((each) => each.callee === callee).map(({ method }) => method),
    );
    return [...served]
      .filter((method) => !own.includes(method))
      .map((method) => ({ caller, callee, method }));
  }),
);

describe('calls between sidecars', () => {
  test(
    'each method that a service does not call is refused to it, whatever network it can reach',
    async () => {
      const byCaller = Map.groupBy(undeclared, ({ caller, callee }) => `${caller} ${callee}`);
      // one method for each pair of services, and each of them for the order service
      const tried = [...byCaller.values()].flatMap((some) =>
        some[0]?.caller === 'order' ? some : some.slice(0, 1),
      );
      const passed: string[] = [];
      for (const { caller, callee, method } of tried) {
        const { code, message } = await call(caller, callee, method);
        if (
          code !== 'PERMISSION_DENIED' ||
          !message.includes('access control policy has denied access')
        ) {
          passed.push(`${caller} > ${callee} ${method}: ${code} ${message}`);
        }
      }
      expect(passed).toEqual([]);
      expect(tried.length).toBeGreaterThan(10);
      figure('undeclared calls', `${tried.length} of ${undeclared.length} tried, all refused`);
    },
    LONG,
  );

  test(
    'a method that a service calls reaches the other service',
    async () => {
      const { message } = await call('order', 'shop', 'retail.shop.v1.ShopService/PriceOffers');
      expect(message).not.toMatch(DENIED);
      // an empty request is refused by the service itself, or answered
      expect(message).not.toMatch(/no healthy|connection|unavailable/i);
    },
    LONG,
  );
});

/** A pod that looks like order to the network, and has an identity of its own. */
const thief = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'thief',
    namespace: NAMESPACE,
    labels: {
      'app.kubernetes.io/name': 'omnichannel',
      'app.kubernetes.io/instance': RELEASE,
      'app.kubernetes.io/component': 'order',
    },
    annotations: {
      ...{ 'dapr.io/enabled': 'true', 'dapr.io/app-id': 'thief' },
      // it has no token for the API, and uses nothing of the control plane
      'dapr.io/disable-builtin-k8s-secret-store': 'true',
      ...{ 'dapr.io/placement-host-address': '', 'dapr.io/scheduler-host-address': '' },
    },
  },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: 'thief',
        image: 'localhost/cluster/tools:1',
        imagePullPolicy: 'Never',
        command: ['sleep', '3600'],
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  },
};

describe('a pod with the labels of order and another identity', () => {
  let pod: Pod;
  beforeAll(async () => {
    await kubectl(['delete', 'pod', 'thief', '-n', NAMESPACE, '--ignore-not-found']);
    await apply(thief);
    pod = await until(
      'the sidecar of the thief',
      async () =>
        (await pods(NAMESPACE)).find((each) => each.metadata.name === 'thief' && isReady(each)),
      60_000,
    );
  }, LONG);
  afterAll(() =>
    kubectl(['delete', 'pod', 'thief', '-n', NAMESPACE, '--force', '--grace-period=0']),
  );

  test(
    'is refused the methods that order may call',
    async () => {
      for (const method of ['Charge', 'Refund', 'Void']) {
        const input = { app: 'payment', method: `retail.payment.v1.PaymentService/${method}` };
        const { code, message } = Answer.parse(await runInside(pod, 'call.ts', input));
        expect({
          code,
          denied: message.includes('access control policy has denied access'),
        }).toEqual({
          code: 'PERMISSION_DENIED',
          denied: true,
        });
        expect(message).toMatch(/spiffe:\/\/public\/ns\/shop\/thief/);
      }
    },
    LONG,
  );
});

describe('the port of a sidecar for other sidecars', () => {
  test(
    'accepts nobody without a certificate',
    async () => {
      const { status } = await podOf('payment');
      const host = status.podIP ?? '';
      const { promise, resolve } = Promise.withResolvers<string>();
      const socket = connectTls(
        { host, port: CALLS, rejectUnauthorized: false, ALPNProtocols: ['h2'] },
        () => {
          // the refusal of TLS 1.3 comes with the first bytes
          socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
        },
      );
      socket.on('data', () => {
        resolve('an answer');
      });
      socket.on('error', (error) => {
        resolve(error.message);
      });
      socket.on('close', () => {
        resolve('closed');
      });
      expect(await promise).toMatch(/certificate required|bad certificate|handshake failure/);
      socket.destroy();
    },
    LONG,
  );

  test(
    'presents the identity that sentry has given its app',
    async () => {
      const { status } = await podOf('payment');
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const socket = connectTls(
        { host: status.podIP ?? '', port: CALLS, rejectUnauthorized: false, ALPNProtocols: ['h2'] },
        () => {
          resolve(socket.getPeerX509Certificate()?.subjectAltName ?? '');
        },
      );
      socket.on('error', reject);
      expect(await promise).toBe(`URI:spiffe://public/ns/${NAMESPACE}/payment`);
      socket.destroy();
    },
    LONG,
  );

  test(
    'closes a connection in plain text',
    async () => {
      const { status } = await podOf('payment');
      const { promise, resolve } = Promise.withResolvers<string>();
      const socket = connectPlain({ host: status.podIP ?? '', port: CALLS }, () => {
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
      });
      socket.on('data', (bytes) => {
        // a TLS alert has the type 21
        resolve(bytes[0] === 21 ? 'refused' : `an answer of ${bytes.length} bytes`);
      });
      for (const event of ['close', 'error'] as const) {
        socket.on(event, () => {
          resolve('refused');
        });
      }
      expect(await promise).toBe('refused');
      socket.destroy();
    },
    LONG,
  );
});
