import { UpdateDelivery } from '#contracts/delivery';
import { delivery } from './definition';
import { createQuote, priceDelivery } from './quote';
import { cancel, schedule } from './schedule';
import { advanceDelivery, getDelivery, updateStatus } from './status';

delivery.serve({ createQuote, priceDelivery, schedule, cancel, getDelivery, updateStatus });

delivery.on(UpdateDelivery, advanceDelivery);

export { delivery };
