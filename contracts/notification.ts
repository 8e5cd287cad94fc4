import { z } from 'zod';
import { defineEvent } from '#kit/messages/contract';
import { EntityId } from '#contracts/fields';

export const NotificationSent = defineEvent('NotificationSent', {
  type: 'notification.sent',
  public: true,
  description:
    'A user or the operators were notified of an event. Contains the channel, not the text.',
  data: z.object({
    notificationId: EntityId,
    /** Absent when the operators of the shop were notified. */
    userId: EntityId.optional(),
    channel: z.string().min(1),
    eventType: z.string().min(1),
    eventId: EntityId,
  }),
  subject: ({ notificationId }) => notificationId,
});
