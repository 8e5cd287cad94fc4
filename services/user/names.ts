import { Line } from '#retail/text';

/** Anything that a mail program may show as a link: an address, a scheme or a host name. */
const LINK = /[@<>\\]|:\S|\/\/|\bwww\.|[\p{L}\p{N}-]{2}[.\u3002\uff0e\uff61][\p{L}\p{N}]{2}/iu;

/** The name of a person. It is used in e-mails, so that it must not look like a link. */
export const PersonName = Line(1, 100).refine(
  (name) => !LINK.test(name) && !LINK.test(name.normalize('NFKC')),
  'must not contain an address or a link; write a space after a full stop',
);
