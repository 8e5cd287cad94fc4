// @ts-check

// CycloneDX 1.6, as JSON. A document has no time and no random number, so that the same packages result in
// the same bytes.

/**
 * @typedef {object} Component
 * @property {'library' | 'application'} type
 * @property {string} name
 * @property {string} [group]
 * @property {string} version
 * @property {string} purl identifies it in the document too
 * @property {'required' | 'optional' | 'excluded'} [scope] excluded: for development only
 * @property {{ alg: string, content: string }[]} [hashes]
 * @property {({ expression: string } | { license: { name: string } })[]} [licenses]
 * @property {{ name: string, value: string }[]} [properties]
 */

/**
 * A document about a component, with its parts and what each of them depends on.
 * @param {Component} about
 * @param {readonly Component[]} components
 * @param {ReadonlyMap<string, ReadonlySet<string>>} dependencies purls by purl
 */
export function bom(about, components, dependencies) {
  const all = [...components].sort(byPurl);
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: withRef(about) },
    components: all.map(withRef),
    dependencies: [about, ...all].map(({ purl: ref }) => {
      const dependsOn = [...(dependencies.get(ref) ?? [])].sort();
      return dependsOn.length === 0 ? { ref } : { ref, dependsOn };
    }),
  };
}

/** @param {Component} component */
const withRef = (component) => ({ 'bom-ref': component.purl, ...component });

/**
 * @param {Component} a
 * @param {Component} b
 */
const byPurl = (a, b) => (a.purl < b.purl ? -1 : 1);

/** A package URL. @param {'npm' | 'golang' | 'generic'} type @param {string} name @param {string} version */
export const purlOf = (type, name, version) =>
  `pkg:${type}/${name.split('/').map(encodeURIComponent).join('/')}@${encodeURIComponent(version)}`;

const EXPRESSION = /^\(?[\w.+-]+(\)? +(AND|OR|WITH) +\(?[\w.+-]+)*\)?$/;

/**
 * The license of a package, as its author wrote it: an SPDX expression, or a text.
 * @param {unknown} text
 */
export function licensesOf(text) {
  if (typeof text !== 'string' || text.trim() === '') return undefined;
  return [EXPRESSION.test(text) ? { expression: text } : { license: { name: text } }];
}
