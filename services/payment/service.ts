import { RefundPayment } from '#contracts/payment';
import { authorize, capture, charge } from './charge';
import { getPayment } from './get-payment';
import { giveBack, refund } from './refund';
import { voidCharge } from './void';
import { payment } from './definition';
payment.serve({ charge, authorize, capture, void: voidCharge, refund, getPayment });
payment.on(RefundPayment, giveBack);

export { payment };
