import { z } from 'zod';
import { providerCaptures } from '../../harness/provider-ledger';
import { type TestBroker, testBroker } from './brokers';
import { allReady, get } from './cluster';
import type { UnderLoad } from './ledger';
import { Mailbox, TO_MAILBOX } from './mailbox';
import { NAMESPACE, RELEASE, TWO_REPLICAS, type Values, bus, installed } from './release';

/** A release that can be put under load, with the values that it has. */
export interface PreparedRelease extends UnderLoad {
  readonly values: readonly Values[];
  readonly close: () => void;
}

const Service = z.object({ spec: z.object({ clusterIP: z.string() }) });

/** Installs the release with two replicas of each service, and everything of which a ledger needs the books. */
export async function releaseUnderLoad(): Promise<PreparedRelease> {
  const mailbox = new Mailbox();
  try {
    const broker: TestBroker = await testBroker(bus);
    const values = [TWO_REPLICAS, TO_MAILBOX, broker.values];
    return {
      fixture: await installed(...values),
      bus: await broker.log(),
      broker: bus,
      values,
      captures,
      emails: () => [...mailbox.ids.email],
      ready: () => allReady(NAMESPACE),
      close: () => {
        mailbox.close();
      },
    };
  } catch (error) {
    mailbox.close();
    throw error;
  }
}

async function captures() {
  const name = `${RELEASE}-payment-provider`;
  const { spec } = await get(Service, ['service', name, '-n', NAMESPACE]);
  return providerCaptures(`http://${spec.clusterIP}:3104`);
}
