// @ts-check
// npm start. This file must run on an old Node, so that it can print the message below. Everything that
// needs a newer Node is imported after that.
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 20) {
  console.error(
    `✗ Node ${process.versions.node} is too old: install Node 20 or newer, then start again.`,
  );
  process.exitCode = 1;
} else {
  import('./start/up.mjs').then(({ main }) => main(process.argv.slice(2)));
}
