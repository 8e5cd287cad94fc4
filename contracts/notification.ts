import { z } from 'zod';
import { defineEvent } from '#kit/messages/contract';
import { Id } from '#contracts/fields';

export const NotificationSent = defineEvent('NotificationSent', {
  type: 'notification.sent',
  public: true,
  description: 'Somebody was told of an event; by which channel, not in what words.',
  data: z.object({
    notificationId: Id,
    /** Absent where the shop's operators were told. */
    userId: Id.optional(),
    channel: z.string().min(1),
    eventType: z.string().min(1),
    eventId: Id,
  }),
  subject: ({ notificationId }) => notificationId,
});
