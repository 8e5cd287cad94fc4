// @ts-check
import { z } from 'zod';
import { bom, purlOf } from './cyclonedx.mjs';

/** @typedef {import('./cyclonedx.mjs').Component} Component */

const Module = z.object({
  Path: z.string(),
  Version: z.string().default(''),
  Sum: z.string().optional(),
});
/** The output of `go version -m -json`. */
const BuildInfo = z.object({
  GoVersion: z.string(),
  Main: Module,
  Deps: z.array(Module.extend({ Replace: Module.optional() })).default([]),
});

/**
 * The Go modules of programs. Each program is a component that depends on its modules and on the standard
 * library.
 * @param {Component} about
 * @param {readonly { name: string, version: string, buildInfo: string }[]} programs
 */
export function goBom(about, programs) {
  /** @type {Map<string, Component>} */
  const components = new Map();
  /** @type {Map<string, Set<string>>} */
  const dependencies = new Map([[about.purl, new Set()]]);
  for (const { name, version, buildInfo } of programs) {
    const { GoVersion, Main, Deps } = BuildInfo.parse(JSON.parse(buildInfo));
    /** @type {Component} */
    const program = { type: 'application', name, version, purl: purlOf('generic', name, version) };
    const standard = module({ Path: 'stdlib', Version: GoVersion.replace(/^go/, '') });
    const own = isLocal(Main) ? [] : [module(Main)];
    const modules = [standard, ...own, ...Deps.map((each) => module(each, each.Replace))];
    for (const component of [program, ...modules]) components.set(component.purl, component);
    dependencies.get(about.purl)?.add(program.purl);
    dependencies.set(program.purl, new Set(modules.map(({ purl }) => purl)));
  }
  return bom(about, [...components.values()], dependencies);
}

/** Whether a module comes from a folder and not from a repository. @param {z.infer<typeof Module>} module */
const isLocal = ({ Version }) => Version === '' || Version === '(devel)';

/**
 * The component of a module, or of the one that replaces it. A patched copy in a folder keeps the name and
 * the version of its module.
 * @param {z.infer<typeof Module>} named @param {z.infer<typeof Module>} [replacement] @returns {Component}
 */
function module(named, replacement) {
  const isPatched = replacement !== undefined && isLocal(replacement);
  const { Path: name, Version: version, Sum } = isPatched ? named : (replacement ?? named);
  const properties = [
    // a hash of Go's own form, of which CycloneDX has no name
    ...(Sum === undefined ? [] : [{ name: 'go:sum', value: Sum }]),
    ...(isPatched ? [{ name: 'go:replaced', value: 'a patched copy' }] : []),
  ];
  return {
    type: 'library',
    name,
    version,
    purl: purlOf('golang', name, version),
    scope: 'required',
    ...(properties.length === 0 ? {} : { properties }),
  };
}
