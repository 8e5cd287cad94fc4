import { CancelOrder, PlaceOrder } from '#contracts/order';
import { cancel, cancelOrder } from './cancel-order';
import { order } from './definition';
import { fulfil } from './fulfil';
import { placeOrder } from './place-order';
import { getOrder, getStory, listOrders } from './queries';
import { watchOrder } from './watch-order';

order.serve({ placeOrder, getOrder, listOrders, getStory, cancelOrder });
order.serveStreams({ watchOrder });

order.on(PlaceOrder, fulfil);
order.on(CancelOrder, cancel);

export { order };
