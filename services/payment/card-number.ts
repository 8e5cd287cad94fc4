/** Whether a text may be the number of a payment card: 13 to 19 digits whose check digit is right. */
export function looksLikeCardNumber(text: string): boolean {
  if (!/^[\d\s-]+$/.test(text)) return false;
  const digits = text.replace(/[\s-]/g, '');
  return digits.length >= 13 && digits.length <= 19 && checkDigitIsRight(digits);
}

/** Luhn's sum, ISO/IEC 7812-1 annex B. */
function checkDigitIsRight(digits: string): boolean {
  const sum = Array.from(digits)
    .reverse()
    .reduce((total, digit, place) => {
      const value = place % 2 === 0 ? Number(digit) : Number(digit) * 2;
      return total + (value > 9 ? value - 9 : value);
    }, 0);
  return sum % 10 === 0;
}
