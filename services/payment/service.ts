import { RefundPayment } from '#contracts/payment';
import { authorize, capture, charge } from './charge';
import { payment } from './definition';
import { getPayment } from './get-payment';
import { executeRefund, refund } from './refund';
import { voidCharge } from './void';

payment.serve({ charge, authorize, capture, void: voidCharge, refund, getPayment });

payment.on(RefundPayment, executeRefund);

export { payment };
