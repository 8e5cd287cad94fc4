import { expect, test } from '@jest/globals';
import { namesIn } from './rabbit-log';

test.each([
  ['notification-order.confirmed', 'notification', 'order.confirmed'],
  ['notification-inventory.low-stock', 'notification', 'inventory.low-stock'],
  ['iot-gateway-device.data.received', 'iot-gateway', 'device.data.received'],
  ['foreign', 'foreign', ''],
])('the name of a queue of RabbitMQ has its service and its topic: %s', (queue, name, topic) => {
  expect(namesIn(queue)).toEqual({ name, topic });
});
