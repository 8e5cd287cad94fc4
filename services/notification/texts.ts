import type { EventData } from '#kit/messages/contract';
import type { Money } from '#retail/money';
import type { DeliveryScheduled, DeliveryStatusUpdated } from '#contracts/delivery';
import type { LowStockAlert } from '#contracts/inventory';
import type { OrderCancelled, OrderConfirmed, OrderCreated } from '#contracts/order';
import type { PaymentFailed, PaymentProcessed, RefundProcessed } from '#contracts/payment';
import type { SlotFaulted, StockMissing, VendUnpaid } from '#contracts/vending';
import type { Message } from './domain';

export function orderCreated(event: EventData<typeof OrderCreated>): Message {
  const { orderId, items, totalAmount } = event;
  return {
    subject: `We have your order ${orderId}`,
    text: `Your order of ${pieces(items)} for ${money(totalAmount)} is being worked on.`,
  };
}

export function orderConfirmed(event: EventData<typeof OrderConfirmed>): Message {
  const { orderId, items, totalAmount } = event;
  return {
    subject: `Your order ${orderId} is confirmed`,
    text: `Your order of ${pieces(items)} is paid with ${money(totalAmount)} and will be brought to you.`,
  };
}

export function orderCancelled({ orderId, reason }: EventData<typeof OrderCancelled>): Message {
  return {
    subject: `Your order ${orderId} is cancelled`,
    text: `The reason: ${inWords(reason)}. What was paid for it is given back.`,
  };
}

export function paymentProcessed(event: EventData<typeof PaymentProcessed>): Message {
  const { orderId, amount } = event;
  return {
    subject: `We have received ${money(amount)}`,
    text: `Thank you for your payment for order ${orderId}.`,
  };
}

export function paymentFailed({ orderId, reason }: EventData<typeof PaymentFailed>): Message {
  return {
    subject: `Your payment for order ${orderId} failed`,
    text: `The reason: ${inWords(reason)}. Nothing was taken.`,
  };
}

export function refundProcessed(event: EventData<typeof RefundProcessed>): Message {
  const { orderId, amount } = event;
  return {
    subject: `We have given back ${money(amount)}`,
    text: `You get back ${money(amount)} of your payment for order ${orderId}.`,
  };
}

export function deliveryScheduled(event: EventData<typeof DeliveryScheduled>): Message {
  const { orderId, estimatedAt } = event;
  return {
    subject: `The delivery of your order ${orderId} is planned`,
    text: `We expect to bring it by ${estimatedAt.slice(0, 16).replace('T', ' ')} UTC.`,
  };
}

const MOVED: Record<EventData<typeof DeliveryStatusUpdated>['status'], string> = {
  scheduled: 'is planned',
  picked_up: 'has left the shop',
  in_transit: 'is on its way',
  delivered: 'is delivered',
  cancelled: 'will not be delivered',
};

export function deliveryMoved(event: EventData<typeof DeliveryStatusUpdated>): Message {
  const { orderId, status } = event;
  const subject = `Your order ${orderId} ${MOVED[status]}`;
  return { subject, text: `${subject}.` };
}

export function lowStock(event: EventData<typeof LowStockAlert>): Message {
  const { shopId, productId, currentStock, minimumStock } = event;
  return {
    subject: `Low stock of ${productId} in ${shopId}`,
    text: `${currentStock} are left of ${productId} in ${shopId}; the minimum is ${minimumStock}.`,
  };
}

export function slotFaulted(event: EventData<typeof SlotFaulted>): Message {
  const { machineId, shopId, slot, productId, fault } = event;
  return {
    subject: `Slot ${slot} of ${machineId} sells nothing`,
    text: `Slot ${slot} of ${machineId} in ${shopId}, with ${productId}, is out of use: ${inWords(fault)}.`,
  };
}

export function stockMissing(event: EventData<typeof StockMissing>): Message {
  const { machineId, shopId, slot, productId, missingInSlot, missingInStock } = event;
  return {
    subject: `The stock of ${productId} in ${shopId} is not as it is booked`,
    text: `Slot ${slot} of ${machineId} gave out more than was booked: ${missingInSlot} too many for the slot, ${missingInStock} for the stock of ${shopId}. It should be counted.`,
  };
}

export function vendUnpaid(event: EventData<typeof VendUnpaid>): Message {
  const { vendId, machineId, slot, productId, price, reason } = event;
  const worth = price === undefined ? '' : `, worth ${money(price)},`;
  return {
    subject: `${machineId} has dispensed what is not paid for`,
    text: `${productId}${worth} came out of slot ${slot} for ${vendId}, and the money cannot be taken: ${inWords(reason)}.`,
  };
}

const REASONS: Readonly<Record<string, string>> = {
  out_of_stock: 'not everything was in stock',
  payment_failed: 'the payment failed',
  undeliverable: 'we cannot deliver to the address',
  insufficient_funds: 'the account does not have enough money',
  invalid_token: 'the means of payment is not valid',
  machine_silent: 'the machine told so too late',
  suspect: 'nobody knows whether it has dispensed',
};

function inWords(reason: string): string {
  return REASONS[reason] ?? reason.replaceAll('_', ' ');
}

function money({ amount, currency }: Money): string {
  return `${amount} ${currency}`;
}

function pieces(items: readonly { quantity: number }[]): string {
  const count = items.reduce((sum, { quantity }) => sum + quantity, 0);
  return count === 1 ? '1 piece' : `${count} pieces`;
}
