import { alpha2ToAlpha3, isValid } from 'i18n-iso-countries';
import { z } from 'zod';

/** A country by its ISO 3166-1 alpha-2 code: `DE`. */
export const Country = z.string().refine((code) => /^[A-Z]{2}$/.test(code) && isValid(code), {
  message: 'must be a country, by its ISO 3166-1 code such as DE',
});

/** The signs that people write before a postal code to say which country it is in, such as L or LU. */
export function countrySignsOf(country: string): readonly string[] {
  const vehicle = VEHICLE_SIGNS[country];
  const signs = [alpha2ToAlpha3(country), country, ...(vehicle === undefined ? [] : [vehicle])];
  return signs.filter((sign) => sign !== undefined);
}

/**
 * The distinguishing signs of vehicles (UN Convention on Road Traffic, annex 3) in Europe that differ from
 * the codes of ISO 3166-1: they were the usual prefix of a postal code.
 */
const VEHICLE_SIGNS: Readonly<Record<string, string>> = {
  AT: 'A',
  BE: 'B',
  DE: 'D',
  ES: 'E',
  FR: 'F',
  GB: 'UK',
  HU: 'H',
  IT: 'I',
  LI: 'FL',
  LU: 'L',
  MT: 'M',
  NO: 'N',
  PT: 'P',
  SE: 'S',
  SI: 'SLO',
  VA: 'V',
};
