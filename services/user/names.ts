import { z } from 'zod';

/**
 * Control, format, private and unassigned characters, and line separators. Format characters include
 * those that change the direction of a text, so that it is shown in another order than it is stored.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
/** Joiners between letters are part of the spelling in Persian and in Indic scripts. */
const JOINERS = /(?<=[\p{L}\p{M}])[\u200c\u200d](?=[\p{L}\p{M}])/gu;
/** Anything that a mail program may show as a link: an address, a scheme or a host name. */
const LINK = /[@<>\\]|:\S|\/\/|\bwww\.|[\p{L}\p{N}-]{2,}[.\u3002\uff0e\uff61][\p{L}\p{N}]{2,}/iu;

/** A text of one line, in Unicode's composed form (NFC), without characters that are not shown. */
export function SingleLine(min: number, max: number) {
  return z
    .string()
    .max(max * 4)
    .transform((text) => text.normalize('NFC').trim())
    .pipe(
      z
        .string()
        .min(min)
        .max(max)
        .refine(
          (text) => !INVISIBLE.test(text.replace(JOINERS, '')),
          'must not contain control characters or characters that are not shown',
        ),
    );
}

/** The name of a person. It is used in e-mails, so that it must not look like a link. */
export const PersonName = SingleLine(1, 100).refine(
  (name) => !LINK.test(name) && !LINK.test(name.normalize('NFKC')),
  'must not contain an address or a link; write a space after a full stop',
);
