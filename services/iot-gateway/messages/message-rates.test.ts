import { expect, test } from '@jest/globals';
import { topicText } from '#contracts/device-messages';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import {
  type Bed,
  FakeServices,
  count,
  deliver,
  outcomesOf,
  rejectionsOf,
} from '../testing/fixtures';
import { MessageRates } from './message-rates';

const taken = (rates: MessageRates, device: string, times: number, now: number) =>
  Array.from({ length: times }, () => rates.take(device, 20, now)).filter(Boolean).length;

test('a device may send a burst of 60 seconds, and then its rate', () => {
  const rates = new MessageRates();
  expect(taken(rates, 'd1', 2_000, 0)).toBe(1_200);
  expect(taken(rates, 'd1', 100, 1_000)).toBe(20);
  expect(taken(rates, 'd1', 100, 1_049)).toBe(0);
  expect(taken(rates, 'd1', 100, 1_050)).toBe(1);
  expect(taken(rates, 'd1', 2_000, 3_600_000)).toBe(1_200);
});

test('each device has its own rate', () => {
  const rates = new MessageRates();
  taken(rates, 'd1', 2_000, 0);
  expect(taken(rates, 'd2', 100, 0)).toBe(100);
});

test('a clock that goes back does not take from the rate', () => {
  const rates = new MessageRates();
  taken(rates, 'd1', 1_200, 10_000);
  expect(taken(rates, 'd1', 10, 0)).toBe(0);
  expect(taken(rates, 'd1', 100, 1_000)).toBe(20);
});

const flood = async (bed: Bed, deviceId: string, times: number) => {
  const topic = topicText({ tenantId: 'default', deviceId, kind: 'sale' });
  for (let turn = 0; turn < times; turn++) await deliver(bed, { topic, payload: `${turn}\n` });
};

test('a message beyond the rate of its device is rejected with a note, and those of others are handled', async () => {
  const services = new FakeServices();
  const bed = services.bed();
  await flood(bed, 'd1', 1_200);
  const excess = services.signer().sign('stock', count);
  await deliver(bed, excess);
  await deliver(bed, services.signer('d2').sign('stock', count));
  expect(bed.published(DeviceDataReceived)).toMatchObject([{ deviceId: 'd2' }]);
  services.clock.advance(60_000);
  await deliver(bed, services.signer().sign('stock', count, { seq: 2 }));
  expect(bed.published(DeviceDataReceived)).toHaveLength(2);
  await flood(bed, 'd1', 1_300);
  expect((await rejectionsOf(bed))[0]).toBe('sale wrong_signature');
  await expect(outcomesOf(bed)).resolves.toContain('too_many 102');
});

test('a message beyond the rate costs no call and no write, after those of the notes', async () => {
  const services = new FakeServices();
  const bed = services.bed();
  await flood(bed, 'd1', 1_300);
  const before = bed.callCount('shop', 'identifyDevice');
  bed.injectFaults({});
  await flood(bed, 'd1', 1_000);
  expect(bed.sidecar.effects).toBe(0);
  expect(bed.callCount('shop', 'identifyDevice')).toBe(before);
});

test('an invented device gets no note', async () => {
  const services = new FakeServices();
  const bed = services.bed();
  await flood(bed, 'invented', 1_210);
  expect(bed.memory.documents.size).toBe(0);
});
