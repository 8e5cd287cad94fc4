import { expect, jest, test } from '@jest/globals';
import { BuildProgress } from '../../scripts/start/progress.mjs';

const goPackage = (path: string, files: string[], stale = true) =>
  JSON.stringify({ ImportPath: path, Dir: `/go/${path}`, GoFiles: files, Stale: stale }, null, 1);

/** Sizes are the numbers in the names of files. */
const sizeOf = (file: string) => Number(/\d+/.exec(file)?.[0]);

function reports() {
  const texts: string[] = [];
  const progress = new BuildProgress((text) => texts.push(text));
  return { progress, texts };
}

test('it counts the modules that Go downloads', () => {
  const { progress, texts } = reports();
  progress.onLine('go: downloading github.com/dapr/kit v0.18.2');
  progress.onLine('go: downloading github.com/dapr/dapr v1.18.2');
  progress.onLine('go: finding nothing else');
  expect(texts).toEqual(['downloading modules, 1 so far', 'downloading modules, 2 so far']);
});

test('it names the packages that are compiled of those that are not compiled yet, then linking', () => {
  const { progress, texts } = reports();
  const listed = [
    goPackage('a', ['1.go', '2.go']),
    goPackage('b', ['90.go']),
    goPackage('compiled-before', ['1000.go'], false),
    goPackage('unsafe', []),
  ];
  progress.setPackages(listed.join('\n'), sizeOf);
  progress.onLine('compiled-before');
  progress.onLine('a');
  progress.onLine('a');
  progress.onLine('b');
  expect(texts).toEqual([
    'compiling 0 of 2 packages',
    expect.stringMatching(/^compiling 1 of 2 packages/),
    'linking',
  ]);
});

test('the estimate is what is left at the rate so far, by size and not by number', () => {
  const now = jest.spyOn(performance, 'now').mockReturnValue(0);
  const { progress, texts } = reports();
  const listed = [
    goPackage('small', ['1.go']),
    goPackage('half', ['49.go']),
    goPackage('b', ['50.go']),
  ];
  progress.setPackages(listed.join('\n'), sizeOf);
  now.mockReturnValue(1_000);
  progress.onLine('small');
  now.mockReturnValue(100_000);
  progress.onLine('half');
  now.mockRestore();
  expect(texts.slice(1)).toEqual([
    'compiling 1 of 3 packages',
    'compiling 2 of 3 packages, about 1 min 40 s left',
  ]);
});

test('a build of which everything is compiled links', () => {
  const { progress, texts } = reports();
  progress.setPackages(goPackage('a', ['1.go'], false), sizeOf);
  expect(texts).toEqual(['linking']);
});
