import { expect, test } from '@jest/globals';
import { namesIn } from './rabbit-log';

test.each([
  ['notification-order.confirmed', 'notification', 'order.confirmed'],
  ['notification-inventory.low-stock', 'notification', 'inventory.low-stock'],
  ['iot-gateway-device.data.received', 'iot-gateway', 'device.data.received'],
  ['foreign', 'foreign', ''],
])('a queue of RabbitMQ tells its service and its topic: %s', (queue, name, topic) => {
  expect(namesIn(queue)).toEqual({ name, topic });
});
