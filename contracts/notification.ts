import { z } from 'zod';
import { defineEvent } from '#kit/messages/contract';
import { EntityId } from '#contracts/fields';

export const NotificationSent = defineEvent('NotificationSent', {
  type: 'notification.sent',
  public: true,
  description: 'Somebody was told of an event; by which channel, not in what words.',
  data: z.object({
    notificationId: EntityId,
    /** Absent where the shop's operators were told. */
    userId: EntityId.optional(),
    channel: z.string().min(1),
    eventType: z.string().min(1),
    eventId: EntityId,
  }),
  subject: ({ notificationId }) => notificationId,
});
