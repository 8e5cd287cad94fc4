import {
  CancelOrder,
  DecideReturn,
  PlaceOrder,
  ReceiveReturn,
  RequestReturn,
  UpdatePickup,
} from '#contracts/order';
import { cancel, cancelOrder } from './cancel-order';
import { order } from './definition';
import { fulfil } from './fulfil';
import * as returns from './handle-returns';
import { placeOrder } from './place-order';
import { getOrder, getStory, listOrders } from './queries';
import {
  EXPIRY_JOB,
  PickupExpiry,
  advancePickup,
  expirePickup,
  listPickups,
  updatePickup,
} from './update-pickup';
import { watchOrder } from './watch-order';

order.serve({
  placeOrder,
  getOrder,
  listOrders,
  getStory,
  cancelOrder,
  updatePickup,
  listPickups,
  requestReturn: returns.requestReturn,
  getReturn: returns.getReturn,
  receiveReturn: returns.receive,
  decideReturn: returns.decide,
  listReturns: returns.listReturns,
});
order.serveStreams({ watchOrder });

order.on(PlaceOrder, fulfil);
order.on(CancelOrder, cancel);
order.on(UpdatePickup, advancePickup);
order.on(RequestReturn, returns.addReturn);
order.on(ReceiveReturn, returns.recordReceipt);
order.on(DecideReturn, returns.settleReturn);
order.onJob(EXPIRY_JOB, PickupExpiry, expirePickup);

export { order };
