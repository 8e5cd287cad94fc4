import type { Contract, EventData } from '#kit/messages/contract';
import { DeliveryScheduled, DeliveryStatusUpdated } from '#contracts/delivery';
import { LowStockAlert } from '#contracts/inventory';
import { OrderCancelled, OrderConfirmed, OrderCreated } from '#contracts/order';
import { PaymentFailed, PaymentProcessed, RefundProcessed } from '#contracts/payment';
import { SlotFaulted, StockMissing, VendUnpaid } from '#contracts/vending';
import { type Telling, operators, user } from './domain';
import { listNotifications } from './list-notifications';
import { notify } from './notify';
import * as texts from './texts';
import { notification } from './definition';

notification.serve({ listNotifications });

// Who is told of what, and by which channel. Everything is in the inbox, to be looked up; an email
// is for what ends an order or moves money back, a text message for what cannot wait. What an
// order.cancelled follows at once has no email of its own.
tell(OrderCreated, { to: user, channels: ['inbox'], text: texts.orderCreated });
tell(OrderConfirmed, { to: user, channels: ['inbox', 'email'], text: texts.orderConfirmed });
tell(OrderCancelled, { to: user, channels: ['inbox', 'email', 'sms'], text: texts.orderCancelled });
tell(PaymentProcessed, { to: user, channels: ['inbox'], text: texts.paymentProcessed });
tell(PaymentFailed, { to: user, channels: ['inbox'], text: texts.paymentFailed });
tell(RefundProcessed, { to: user, channels: ['inbox', 'email'], text: texts.refundProcessed });
tell(DeliveryScheduled, { to: user, channels: ['inbox'], text: texts.deliveryScheduled });
tell(DeliveryStatusUpdated, { to: user, channels: ['inbox', 'sms'], text: texts.deliveryMoved });
tell(LowStockAlert, { to: operators, channels: ['email'], text: texts.lowStock });
tell(SlotFaulted, { to: operators, channels: ['email'], text: texts.slotFaulted });
tell(StockMissing, { to: operators, channels: ['email'], text: texts.stockMissing });
tell(VendUnpaid, { to: operators, channels: ['email'], text: texts.vendUnpaid });

export { notification };

function tell<C extends Contract>(contract: C, telling: Telling<EventData<C>>): void {
  notification.on(contract, (data, context, meta) => notify(telling, data, meta, context));
}
