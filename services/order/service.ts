import { CancelOrder, PlaceOrder } from '#contracts/order';
import { getOrder, getStory, listOrders } from './answers';
import { cancel, cancelOrder } from './cancel';
import { fulfil } from './fulfil';
import { placeOrder } from './place-order';
import { watchOrder } from './watch';
import { order } from './definition';
order.serve({ placeOrder, getOrder, listOrders, getStory, cancelOrder });
order.serveStreams({ watchOrder });
order.on(PlaceOrder, fulfil);
order.on(CancelOrder, cancel);

export { order };
