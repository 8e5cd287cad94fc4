// Values that several examples share, so that they read as one story.

export const TIME = '2026-01-01T10:00:00.500Z';
export const CREATED_AND_UPDATED = { createdAt: TIME, updatedAt: TIME };

export const userId = 'user_9fLb';
export const keyId = 'key_w2Ld';
export const shopId = 'shop_1';
export const productId = 'product_Kx3v';
export const orderId = 'order_7Qd1';
export const notificationId = 'notification_c5Rk';
export const deviceId = 'device_n4Tq';

export const FIRST_PAGE = { page: 1, limit: 20 };

/** A list with one item. */
export const pageOf = (item: object) => ({ items: [item], ...FIRST_PAGE, total: 1 });
