import { z } from 'zod';
import type { Money } from '#retail/money';

/** The provider's name at the sidecar; components/payment-provider.yaml has its URL. */
export const PROVIDER = 'payment-provider';

/** The state of a capture or an authorisation at the provider. */
export const ProviderOutcome = z.object({
  status: z.enum(['authorised', 'captured', 'declined', 'voided', 'expired']),
  /** Why it was declined, or can no longer be captured: a code. */
  reason: z.string().optional(),
});
export type ProviderOutcome = z.output<typeof ProviderOutcome>;

/**
 * The port to the payment provider. Every request has a key, and the provider is idempotent by it: the
 * same key is the same movement of money and gets the same response. After an error the outcome is
 * unknown until the request is repeated or voided. An authorisation and its capture share one key.
 */
export interface Provider {
  capture(key: string, amount: Money, token: string): Promise<ProviderOutcome>;
  /** Holds the amount for a later capture; the provider keeps it for some days. */
  authorize(key: string, amount: Money, token: string): Promise<ProviderOutcome>;
  /** Captures the whole amount of the authorisation with this key. */
  captureAuthorized(authorised: string): Promise<ProviderOutcome>;
  /** Refunds a part of the capture `captured`; `refused` if there is none or too little is left. */
  refund(key: string, captured: string, amount: Money): Promise<'done' | 'refused'>;
  /**
   * Refunds the rest of a capture, or releases an authorisation. Also blocks either if it arrives
   * later.
   */
  void(captured: string): Promise<{ released?: Money | undefined }>;
}
