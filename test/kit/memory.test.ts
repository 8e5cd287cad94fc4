import { type Host } from '#kit/host';
import type { CloudEvent } from '#kit/cloud-event';
import { FakeClock } from '#kit/fake-clock';
import { Testbed } from '#kit/testbed';
import type { Bench } from './bench';
import { answerer, asker } from './sample';
import { describeSemantics } from './semantics';

/** A sidecar gives an event this often before it hands it over as dead. */
const DELIVERIES = 6;

function memoryBench(): Promise<Bench> {
  const clock = new FakeClock();
  const order = new Testbed(asker, { clock });
  const inventory = new Testbed(answerer, { clock });
  const beds = [order, inventory];
  order.sidecar.peers = { inventory };
  let waiting: { host: Host; event: CloudEvent; topic: string; given: number }[] = [];

  const carry = (event: CloudEvent) => {
    for (const { host } of beds) {
      if (!host.service.hears.some(({ type }) => type === event.type)) continue;
      waiting.push({ host, event, topic: event.type, given: 0 });
      void pump();
    }
  };
  const pump = async () => {
    const batch = waiting;
    waiting = [];
    for (const delivery of batch) {
      const { host, event, topic } = delivery;
      const given = delivery.given + 1;
      if ((await host.deliver(topic, event)) === 'SUCCESS') continue;
      const dead = given >= DELIVERIES;
      waiting.push({ host, event, topic: dead ? host.deadTopic : topic, given });
    }
  };
  for (const bed of beds) bed.sidecar.onPublish = carry;

  return Promise.resolve({
    order,
    inventory,
    clock,
    device: async (topic, payload) => {
      await order.host.receive('devices', { data: Buffer.from(payload), metadata: { topic } });
    },
    publish: (event) => order.sidecar.publish(event),
    until: async (what, holds) => {
      for (let turns = 0; turns < 200; turns++) {
        await pump();
        for (const [name, job] of order.memory.jobs) {
          order.memory.jobs.delete(name);
          await order.host.perform(job.data);
        }
        await clock.sleep(100);
        if (await holds()) return;
      }
      throw new Error(`never came about: ${what}`);
    },
    close: () => Promise.resolve(),
  });
}

describeSemantics('in memory', memoryBench);
