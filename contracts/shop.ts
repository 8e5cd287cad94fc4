import { z } from 'zod';
import { Precondition } from '#kit/core/precondition';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { Money } from '#retail/money';
import { EntityId } from '#contracts/fields';

const offer = {
  shopId: EntityId,
  productId: EntityId,
  /** Absent: the price of the catalogue. */
  price: Money.optional(),
  /** The channels in which the shop sells it. Absent: in all of its channels. */
  channels: z.array(z.string()).min(1).optional(),
  /** Whether the shop no longer sells the product, even if it sells the rest of the catalogue. */
  withdrawn: z.boolean(),
};

/** The entity is the offer of one product in one shop. */
const offerSubject = ({ shopId, productId }: { shopId: string; productId: string }) =>
  `${shopId}/${productId}`;

export const OfferUpdated = defineEvent('OfferUpdated', {
  type: 'shop.offer.updated',
  public: true,
  description: 'A shop offered a product, changed its offer, or withdrew it.',
  data: z.object(offer),
  subject: offerSubject,
});

export const SetOffer = defineCommand('SetOffer', {
  type: 'shop.offer.set',
  expires: true,
  description: 'Record the offer of a product in a shop, or its withdrawal.',
  data: z.object({ ...offer, precondition: Precondition.optional() }),
  subject: offerSubject,
});
