import type { Contract, EventData } from '#kit/messages/contract';
import { DeliveryScheduled, DeliveryStatusUpdated } from '#contracts/delivery';
import { LowStockAlert, ReportRefused } from '#contracts/inventory';
import {
  OrderCancelled,
  OrderConfirmed,
  OrderCreated,
  PickupUpdated,
  ReturnUpdated,
} from '#contracts/order';
import { PaymentFailed, PaymentProcessed, RefundProcessed } from '#contracts/payment';
import {
  AccountAccessChanged,
  AccountMailRequested,
  AccountSecurityChanged,
} from '#contracts/user';
import { SlotFaulted, StockMissing, VendUnpaid } from '#contracts/vending';
import { sendAccountMail } from './account-mail';
import { type NotificationRule, operators, user } from './domain';
import { listNotifications } from './list-notifications';
import { countUnread, markAllRead, markRead } from './read-marks';
import { notify } from './notify';
import * as texts from './texts';
import { notification } from './definition';

notification.serve({ listNotifications, countUnread, markRead, markAllRead });

// Users find every notification in their inbox. An e-mail is for the end of an order and for
// refunds; a text message is for urgent events. An event that an order.cancelled follows
// immediately has no e-mail of its own.
notifyOn(OrderCreated, { to: user, channels: ['inbox'], text: texts.orderCreated });
notifyOn(OrderConfirmed, { to: user, channels: ['inbox', 'email'], text: texts.orderConfirmed });
notifyOn(OrderCancelled, {
  to: user,
  channels: ['inbox', 'email', 'sms'],
  text: texts.orderCancelled,
});
notifyOn(PickupUpdated, { to: user, channels: ['inbox', 'sms'], text: texts.pickupUpdated });
notifyOn(ReturnUpdated, { to: user, channels: ['inbox', 'email'], text: texts.returnUpdated });
notifyOn(PaymentProcessed, { to: user, channels: ['inbox'], text: texts.paymentProcessed });
notifyOn(PaymentFailed, { to: user, channels: ['inbox'], text: texts.paymentFailed });
notifyOn(RefundProcessed, { to: user, channels: ['inbox', 'email'], text: texts.refundProcessed });
notifyOn(DeliveryScheduled, { to: user, channels: ['inbox'], text: texts.deliveryScheduled });
notifyOn(DeliveryStatusUpdated, {
  to: user,
  channels: ['inbox', 'sms'],
  text: texts.deliveryStatusUpdated,
});
notifyOn(AccountSecurityChanged, {
  to: user,
  channels: ['inbox', 'email'],
  text: texts.accountSecurityChanged,
});
notifyOn(AccountAccessChanged, {
  to: user,
  channels: ['inbox', 'email'],
  text: texts.accountAccessChanged,
});
notifyOn(LowStockAlert, { to: operators, channels: ['email'], text: texts.lowStock });
notifyOn(ReportRefused, { to: operators, channels: ['email'], text: texts.reportRefused });
notifyOn(SlotFaulted, { to: operators, channels: ['email'], text: texts.slotFaulted });
notifyOn(StockMissing, { to: operators, channels: ['email'], text: texts.stockMissing });
notifyOn(VendUnpaid, { to: operators, channels: ['email'], text: texts.vendUnpaid });
notification.on(AccountMailRequested, sendAccountMail);

export { notification };

function notifyOn<C extends Contract>(contract: C, rule: NotificationRule<EventData<C>>): void {
  notification.on(contract, (data, context, meta) => notify(rule, data, meta, context));
}
