import { UpdateDelivery } from '#contracts/delivery';
import { delivery } from './definition';
import { cancel, schedule } from './schedule';
import { advanceDelivery, getDelivery, updateStatus } from './status';

delivery.serve({ schedule, cancel, getDelivery, updateStatus });

delivery.on(UpdateDelivery, advanceDelivery);

export { delivery };
