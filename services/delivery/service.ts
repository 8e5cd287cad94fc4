import { UpdateDelivery } from '#contracts/delivery';
import { cancel, schedule } from './schedule';
import { getDelivery, moveOn, updateStatus } from './status';
import { delivery } from './definition';
delivery.serve({ schedule, cancel, getDelivery, updateStatus });
delivery.on(UpdateDelivery, moveOn);

export { delivery };
