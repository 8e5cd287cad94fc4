import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { DeviceCommandMessage, topicText } from '#contracts/device-messages';
import { Payment, Product, Stock } from '../e2e/edge';
import { type Shopper, paidWith } from '../e2e/fixtures';
import { until } from '../harness/until';
import type { DeviceFixture, TestDevice } from './device-fixture';

const Vend = z.looseObject({
  vendId: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  channel: z.string(),
  quantity: z.int(),
  price: z.object({ amount: z.string(), currency: z.string() }),
});
export type Vend = z.infer<typeof Vend>;
const Vends = z.looseObject({ items: z.array(Vend), total: z.int() });
const Machine = z.looseObject({
  slots: z.array(
    z.looseObject({ slot: z.string(), quantity: z.int(), fault: z.string().optional() }),
  ),
});
const Story = z.looseObject({
  steps: z.array(z.looseObject({ step: z.string(), outcome: z.string() })),
});

export const PRICE = { amount: '2.50', currency: 'EUR' };
const SLOT = 'A1';

type Answer = 'acknowledged' | 'failed';

/** A vending machine with one product in its only slot, and a stock of it in the shop. */
export class MachineFixture {
  /** The commands that it received, each once, although a command may be redelivered. */
  readonly commands = new Map<string, DeviceCommandMessage>();
  /** Its answer to each command; undefined: it stays silent. */
  autoAnswer: Answer | undefined = 'acknowledged';

  private constructor(
    private readonly devices: DeviceFixture,
    readonly device: TestDevice,
    readonly productId: string,
  ) {}

  static async open(
    devices: DeviceFixture,
    { inSlot = 5, inStock = 20 } = {},
  ): Promise<MachineFixture> {
    const { shopId } = devices;
    const { admin } = devices.fixture;
    const pen = { name: 'Tea', description: 'Hot.', category: 'tea', price: PRICE };
    const { productId } = await admin.ask(Product, 201, 'POST', '/products', { body: pen });
    await admin.ask(z.unknown(), 200, 'POST', `/shops/${shopId}/offers`, { body: { productId } });
    if (inStock > 0) {
      const body = { change: inStock, reason: 'Delivery of Monday' };
      const path = `/inventory/${shopId}/${productId}/adjustments`;
      await admin.ask(Stock, 200, 'POST', path, { body });
    }
    const machine = new MachineFixture(devices, await devices.device(), productId);
    const slots = [{ slot: SLOT, productId, capacity: 10 }];
    await admin.ask(Machine, 200, 'POST', `${machine.path}/planogram`, { body: { slots } });
    if (inSlot > 0) await machine.restock(inSlot);
    await machine.goOnline();
    return machine;
  }

  get path(): string {
    return `/machines/${this.device.deviceId}`;
  }

  /** Subscribes to its commands, and waits until the platform shows it as online. */
  async goOnline(): Promise<void> {
    const { device } = this;
    device.client.on('message', (_, payload) => {
      void this.#obey(String(payload));
    });
    const { deviceId } = device;
    const topic = topicText({ tenantId: 'default', deviceId, kind: 'command' });
    await device.client.subscribeAsync(topic, { qos: 1 });
    await device.publish('status', { status: 'online', faults: [] });
    await until('the machine to be online', async () => {
      return (await this.devices.presence(deviceId)) === 'online';
    });
  }

  async acknowledge(commandId: string, outcome: Answer, reason?: string): Promise<void> {
    const ack = { commandId, outcome, ...(reason === undefined ? {} : { reason }) };
    await this.device.publish('ack', ack);
  }

  /** Requests a vend, and returns the answer as it is. */
  buy(shopper: Shopper, token = 'tok_ok', key: string = randomUUID()) {
    const body = { machineId: this.device.deviceId, slot: SLOT, ...paidWith(token) };
    return shopper.send('POST', '/vends', { body, headers: { 'idempotency-key': key } });
  }

  /** Requests a vend that must begin. */
  async beginVend(shopper: Shopper, token?: string): Promise<Vend> {
    const { status, text } = await this.buy(shopper, token);
    if (status !== 202) throw new Error(`${status} ${text}`);
    return z.object({ data: Vend }).parse(JSON.parse(text)).data;
  }

  /** Requests a vend that must be refused; returns the reason. */
  async refusedVend(shopper: Shopper, token?: string): Promise<string> {
    const { status, text } = await this.buy(shopper, token);
    if (status !== 422) throw new Error(`${status} ${text}`);
    const details = z.object({ reason: z.string(), vendId: z.string() });
    return z.object({ details }).parse(JSON.parse(text)).details.reason;
  }

  vendOf(shopper: Shopper, vendId: string): Promise<Vend> {
    return shopper.get(Vend, `/vends/${vendId}`);
  }

  async waitForStatus(shopper: Shopper, vendId: string, status: string, withinMs = 60_000) {
    return until(
      `the vend to be ${status}`,
      async () => {
        const vend = await this.vendOf(shopper, vendId);
        return vend.status === status && vend;
      },
      withinMs,
    );
  }

  async steps(shopper: Shopper, vendId: string): Promise<string[]> {
    const { steps } = await shopper.get(Story, `/vends/${vendId}/story`);
    return steps.map(({ step, outcome }) => `${step} ${outcome}`);
  }

  /** The status of a vend's payment; undefined where there is none. */
  async paymentStatus(vendId: string): Promise<string | undefined> {
    const { admin } = this.devices.fixture;
    const path = `/payments/pay_${vendId}`;
    const { status } = await admin.send('GET', path);
    return status === 404 ? undefined : (await admin.get(Payment, path)).status;
  }

  async slot() {
    const { slots } = await this.devices.fixture.admin.get(Machine, this.path);
    const { quantity = 0, fault } = slots[0] ?? {};
    return fault === undefined ? { quantity } : { quantity, fault };
  }

  async stock() {
    const path = `/inventory/${this.devices.shopId}/${this.productId}`;
    const { available, reserved } = await this.devices.fixture.admin.get(Stock, path);
    return { available, reserved };
  }

  async restock(quantity: number): Promise<void> {
    const body = { slot: SLOT, quantity };
    await this.devices.fixture.admin.ask(Machine, 200, 'POST', `${this.path}/restocks`, { body });
  }

  /** All vends of the machine, newest first. */
  async vends(): Promise<Vend[]> {
    const { deviceId } = this.device;
    return (await this.devices.fixture.admin.get(Vends, `/vends?machineId=${deviceId}`)).items;
  }

  /** The signed message of a cash sale. */
  signedSale(saleId: string, more: { quantity?: number } = {}) {
    const { productId } = this;
    const data = { saleId, productId, quantity: 1, slot: SLOT, paidMinor: 250, ...more };
    return this.device.signer.sign('sale', data);
  }

  async #obey(payload: string): Promise<void> {
    const command = DeviceCommandMessage.parse(this.device.signer.verifyCommand(payload));
    const { commandId } = command;
    if (this.commands.has(commandId)) return;
    this.commands.set(commandId, command);
    if (this.autoAnswer !== undefined) await this.acknowledge(commandId, this.autoAnswer, 'jammed');
  }
}
