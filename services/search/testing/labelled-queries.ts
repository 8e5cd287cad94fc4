/**
 * What people search for, and the products that they expect: 3 for what they mean, 2 for what serves as well,
 * 1 for what is related. The labels are a judgement of the texts, not a result of the search.
 */
export const LABELLED: Readonly<Record<string, Readonly<Record<string, 1 | 2 | 3>>>> = {
  // plain words
  jeans: { jeans: 3 },
  'red cup': { 'cup-red': 3 },
  'rain jacket': { jacket: 3 },
  'running shoes': { runner: 3 },
  'desk lamp': { lamp: 3 },
  'board game': { game: 3 },
  'dark chocolate': { chocolate: 3 },
  'office chair': { chair: 3 },
  'water bottle': { bottle: 3 },
  'usb-c cable': { cable: 3 },
  'iphone 15': { iphone: 3, 'phone-case': 2 },
  'black tea': { 'black-tea': 3 },
  table: { table: 3, 'couch-table': 3 },
  laptop: { laptop: 3, 'laptop-bag': 2, charger: 1 },
  // plurals and singulars
  'red t-shirts': { 'tshirt-red': 3 },
  headphone: { headphones: 3, earbuds: 2 },
  knives: { knives: 3, knife: 3 },
  knife: { knife: 3, knives: 3 },
  batteries: { battery: 3, torch: 1 },
  battery: { battery: 3, torch: 1 },
  dresses: { dress: 3, 'shirt-white': 2 },
  shelves: { shelf: 3 },
  boot: { boots: 3 },
  glove: { gloves: 3 },
  handtuch: { handtuch: 3 },
  // the beginning of a word
  keyb: { keyboard: 3 },
  'coffee mach': { 'coffee-machine': 3, kaffee: 2 },
  refrig: { fridge: 3 },
  cash: { scarf: 3 },
  // typing errors
  keybaord: { keyboard: 3 },
  labtop: { laptop: 3, 'laptop-bag': 2, charger: 1 },
  jackt: { jacket: 3 },
  choclate: { chocolate: 3 },
  'wirless mouse': { mouse: 3 },
  sandels: { sandals: 3 },
  monitr: { monitor: 3 },
  baloons: { balloon: 3 },
  refridgerator: { fridge: 3 },
  'hikng boots': { boots: 3 },
  staubsuager: { staubsauger: 3, vacuum: 2 },
  // synonyms
  couch: { sofa: 3, 'couch-table': 1 },
  jumper: { sweater: 3 },
  telly: { tv: 3, fernseher: 3 },
  flashlight: { torch: 3 },
  rucksack: { backpack: 3 },
  hoover: { vacuum: 3, staubsauger: 3 },
  'mobile phone': { iphone: 3, galaxy: 3, 'phone-case': 2, charger: 1 },
  pants: { trousers: 3, jeans: 2 },
  fridge: { fridge: 3 },
  // umlauts, accents and case
  mueller: { 'mueller-milk': 3 },
  muller: { 'mueller-milk': 3 },
  'MÜLLER milch': { 'mueller-milk': 3 },
  'cafe creme': { cafe: 3 },
  'gruener tee': { gruentee: 3 },
  föhn: { foen: 3, 'hair-dryer': 3 },
  // other scripts, emoji and spellings
  緑茶: { 'green-tea': 3, 'japanese-tea': 2 },
  머그컵: { 'korean-cup': 3 },
  чашки: { chashka: 3 },
  '🎈': { balloon: 3 },
  tshirt: { 'tshirt-red': 3, 'tshirt-blue': 3 },
};

/** Normalised discounted cumulative gain of the first ten results: 1 if no other order is better. */
export function ndcg(results: readonly string[], labels: Readonly<Record<string, number>>): number {
  const gain = (grades: readonly number[]) =>
    grades
      .slice(0, 10)
      .reduce((sum, grade, index) => sum + (2 ** grade - 1) / Math.log2(index + 2), 0);
  const ideal = Object.values(labels).toSorted((one, other) => other - one);
  return gain(results.map((id) => labels[id] ?? 0)) / gain(ideal);
}
