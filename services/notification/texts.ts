import type { EventData } from '#kit/messages/contract';
import type { Money } from '#retail/money';
import type { DeliveryScheduled, DeliveryStatusUpdated } from '#contracts/delivery';
import type { LowStockAlert, ReportRefused } from '#contracts/inventory';
import type {
  OrderCancelled,
  OrderConfirmed,
  OrderCreated,
  PickupUpdated,
  ReturnUpdated,
} from '#contracts/order';
import type { PaymentFailed, PaymentProcessed, RefundProcessed } from '#contracts/payment';
import type { AccountAccessChanged, AccountSecurityChanged } from '#contracts/user';
import type { SlotFaulted, StockMissing, VendUnpaid } from '#contracts/vending';
import type { NotificationText } from './domain';

export function orderCreated(event: EventData<typeof OrderCreated>): NotificationText {
  const { orderId, items, totalAmount } = event;
  return {
    subject: `We received your order ${orderId}`,
    text: `Thank you for your order of ${count(items)} for ${money(totalAmount)}. We will let you know when it is confirmed.`,
  };
}

export function orderConfirmed(event: EventData<typeof OrderConfirmed>): NotificationText {
  const { orderId, items, totalAmount, channel = 'online' } = event;
  return {
    subject: `Your order ${orderId} is confirmed`,
    text: `We received your payment of ${money(totalAmount)}. Your order of ${count(items)} is confirmed${HANDOVER[channel]}`,
  };
}

const HANDOVER: Readonly<Record<NonNullable<EventData<typeof OrderConfirmed>['channel']>, string>> =
  {
    online: ' and will be delivered.',
    pickup: '. We will let you know when it is ready for pickup.',
    store: '. Thank you for shopping with us.',
    vending: '. Thank you for shopping with us.',
  };

export function pickupUpdated(event: EventData<typeof PickupUpdated>): NotificationText {
  const { orderId, status, expiresAt } = event;
  if (status === 'collected') {
    return {
      subject: `Your order ${orderId} was collected`,
      text: `Your order ${orderId} was collected. Thank you for shopping with us.`,
    };
  }
  const until = expiresAt === undefined ? '' : ` until ${minute(expiresAt)}`;
  return {
    subject: `Your order ${orderId} is ready for pickup${until}`,
    text: `Your order ${orderId} is ready for pickup${until}. After that it is cancelled and refunded.`,
  };
}

type ReturnStatus = EventData<typeof ReturnUpdated>['status'];

const RETURN_STATUS: Readonly<Record<ReturnStatus, string>> = {
  requested: 'was requested',
  received: 'has arrived',
  completed: 'is complete',
  rejected: 'was rejected',
};

const RETURN_NEXT: Readonly<Record<ReturnStatus, string>> = {
  requested: ' Please send the items back to the shop. We refund them once it has checked them.',
  received: ' We will let you know when the shop has checked it.',
  completed: '',
  rejected: ' Nothing is refunded.',
};

export function returnUpdated(event: EventData<typeof ReturnUpdated>): NotificationText {
  const { orderId, items, status, refunded } = event;
  const subject = `The return of ${count(items)} of order ${orderId} ${RETURN_STATUS[status]}`;
  const refund = refunded === undefined ? '' : ` We refunded ${money(refunded)}.`;
  return { subject, text: `${subject}.${RETURN_NEXT[status]}${refund}` };
}

export function orderCancelled(event: EventData<typeof OrderCancelled>): NotificationText {
  const { orderId, reason } = event;
  return {
    subject: `Your order ${orderId} was cancelled`,
    text: `Your order ${orderId} was cancelled. Reason: ${describe(reason)}. If you have already paid, you receive a full refund.`,
  };
}

export function paymentProcessed(event: EventData<typeof PaymentProcessed>): NotificationText {
  const { orderId, amount } = event;
  return {
    subject: `We received your payment of ${money(amount)}`,
    text: `Thank you. Your payment of ${money(amount)} for order ${orderId} was successful.`,
  };
}

export function paymentFailed(event: EventData<typeof PaymentFailed>): NotificationText {
  const { orderId, reason } = event;
  return {
    subject: `Your payment for order ${orderId} failed`,
    text: `Reason: ${describe(reason)}. You were not charged. To try again, place a new order with another payment method.`,
  };
}

export function refundProcessed(event: EventData<typeof RefundProcessed>): NotificationText {
  const { orderId, amount } = event;
  return {
    subject: `Refund of ${money(amount)} issued`,
    text: `We issued a refund of ${money(amount)} for order ${orderId}. It can take a few days to appear in your account.`,
  };
}

export function deliveryScheduled(event: EventData<typeof DeliveryScheduled>): NotificationText {
  const { orderId, estimatedAt } = event;
  return {
    subject: `The delivery of your order ${orderId} is scheduled`,
    text: `Your order should arrive by ${minute(estimatedAt)}.`,
  };
}

type DeliveryStatus = EventData<typeof DeliveryStatusUpdated>['status'];

const DELIVERY_STATUS: Readonly<Record<DeliveryStatus, string>> = {
  scheduled: 'is scheduled for delivery',
  picked_up: 'has left the shop',
  in_transit: 'is on its way',
  delivered: 'was delivered',
  cancelled: 'will not be delivered',
};

const NEXT: Readonly<Partial<Record<DeliveryStatus, string>>> = {
  picked_up: ' We will let you know when it is on its way.',
  in_transit: ' We will let you know when it arrives.',
  delivered: ' Thank you for shopping with us.',
};

export function deliveryStatusUpdated(
  event: EventData<typeof DeliveryStatusUpdated>,
): NotificationText {
  const { orderId, status } = event;
  const subject = `Your order ${orderId} ${DELIVERY_STATUS[status]}`;
  return { subject, text: `${subject}.${NEXT[status] ?? ''}` };
}

export function lowStock(event: EventData<typeof LowStockAlert>): NotificationText {
  const { shopId, productId, currentStock, minimumStock } = event;
  return {
    subject: `Low stock of product ${productId} in shop ${shopId}`,
    text: `Product ${productId} is running low in shop ${shopId}: ${currentStock} left, minimum ${minimumStock}. Please restock it.`,
  };
}

export function reportRefused(event: EventData<typeof ReportRefused>): NotificationText {
  const { shopId, productId, deviceId, reason } = event;
  return {
    subject: `Device ${deviceId} reports on an unknown stock`,
    text: `Device ${deviceId} reported on product ${productId} in shop ${shopId}. Reason for the refusal: ${describe(reason)}. Its reports are kept as dead letters: create what is missing and replay them, or correct the device and discard them.`,
  };
}

export function slotFaulted(event: EventData<typeof SlotFaulted>): NotificationText {
  const { machineId, shopId, slot, productId, fault } = event;
  return {
    subject: `Slot ${slot} of machine ${machineId} is out of order`,
    text: `Slot ${slot} of machine ${machineId} in shop ${shopId}, with product ${productId}, is out of order. Reason: ${describe(fault)}. It sells nothing until it is restocked or repaired.`,
  };
}

export function stockMissing(event: EventData<typeof StockMissing>): NotificationText {
  const { machineId, shopId, slot, productId, missingInSlot, missingInStock } = event;
  return {
    subject: `Recorded stock of product ${productId} in shop ${shopId} is wrong`,
    text: `Slot ${slot} of machine ${machineId} dispensed more than its recorded stock. Pieces missing in the record of the slot: ${missingInSlot}, in the record of shop ${shopId}: ${missingInStock}. Please count the stock.`,
  };
}

export function vendUnpaid(event: EventData<typeof VendUnpaid>): NotificationText {
  const { vendId, machineId, slot, productId, price, reason } = event;
  const worth = price === undefined ? '' : ` for ${money(price)}`;
  return {
    subject: `Machine ${machineId} dispensed an unpaid product`,
    text: `Machine ${machineId} dispensed product ${productId}${worth} from slot ${slot}, but the payment for vend ${vendId} can no longer be captured. Reason: ${describe(reason)}.`,
  };
}

type AccountChange = EventData<typeof AccountSecurityChanged>['change'];

const NOT_YOU =
  'If this was not you, reset your password and end your other sessions in your account.';

const ACCOUNT_CHANGE: Readonly<Record<AccountChange, NotificationText>> = {
  session_displaced: {
    subject: 'You were signed out on one device',
    text: `You signed in on an eleventh device. You can be signed in on ten, so the device that you had not used for the longest time was signed out. ${NOT_YOU}`,
  },
  refresh_token_reused: {
    subject: 'You were signed out on one device for your safety',
    text: `A sign-in that had already been renewed was used again. It may have been copied, so we ended that session. ${NOT_YOU}`,
  },
  password_changed: {
    subject: 'Your password was changed',
    text: `Your password was changed, and all other sessions were ended. ${NOT_YOU}`,
  },
  password_reset: {
    subject: 'Your password was reset',
    text: `Your password was reset by a token from an e-mail, and all sessions were ended. ${NOT_YOU}`,
  },
};

export function accountSecurityChanged({
  change,
}: EventData<typeof AccountSecurityChanged>): NotificationText {
  return ACCOUNT_CHANGE[change];
}

export function accountAccessChanged({
  change,
  role,
}: EventData<typeof AccountAccessChanged>): NotificationText {
  switch (change) {
    case 'role_changed':
      return {
        subject: `Your account is now ${ROLE[role]} account`,
        text: `We changed the role of your account to ${role}, and signed you out everywhere. Sign in again to use it. If you do not expect this, please contact us.`,
      };
    case 'blocked':
      return {
        subject: 'Your account is blocked',
        text: 'We blocked your account and signed you out everywhere. You cannot sign in until we unblock it. Please contact us.',
      };
    case 'unblocked':
      return {
        subject: 'Your account is unblocked',
        text: 'You can sign in to your account again.',
      };
    case 'signed_out':
      return {
        subject: 'You were signed out everywhere',
        text: 'We ended all sessions of your account. You can sign in again. If you do not expect this, please contact us.',
      };
  }
}

const ROLE = { customer: 'a customer', seller: 'a seller', admin: 'an admin' } as const;

/**
 * An e-mail with a one-time token. The address may not be the reader's own, so the text contains nothing
 * that a user wrote, and no link.
 */
export function accountMail(kind: string, token: string, expiresAt: string): NotificationText {
  const until = minute(expiresAt);
  return kind === 'reset_password'
    ? {
        subject: 'Reset your password',
        text: `Use this token to set a new password:\n\n${token}\n\nIt is valid once, until ${until}. If you did not request it, ignore this e-mail: your password has not changed.`,
      }
    : {
        subject: 'Verify your e-mail address',
        text: `Use this token to verify your e-mail address:\n\n${token}\n\nIt is valid once, until ${until}. If you did not create an account with us, ignore this e-mail.`,
      };
}

/** Phrases that follow "Reason:". A code that is not listed is shown with spaces. */
const REASONS: Readonly<Record<string, string>> = {
  cancelled_by_customer: 'cancelled on request',
  out_of_stock: 'not all items are in stock',
  payment_failed: 'the payment failed',
  payment_unknown: 'the payment could not be confirmed',
  undeliverable: 'we cannot deliver to the address',
  pickup_expired: 'it was not collected in time',
  product_not_found: 'the product does not exist',
  shop_not_found: 'the shop does not exist',
  invalid_token: 'the payment method is not valid',
  machine_silent: 'the machine reported too late',
  suspect: 'it is unknown whether the slot dispensed',
};

function describe(reason: string): string {
  return REASONS[reason] ?? reason.replaceAll('_', ' ');
}

function money({ amount, currency }: Money): string {
  return `${amount} ${currency}`;
}

function count(items: readonly { quantity: number }[]): string {
  const pieces = items.reduce((sum, { quantity }) => sum + quantity, 0);
  return pieces === 1 ? '1 item' : `${pieces} items`;
}

/** An ISO 8601 time in UTC to the minute, for a reader. */
function minute(at: string): string {
  return `${at.slice(0, 16).replace('T', ' ')} UTC`;
}
