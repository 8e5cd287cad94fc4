// @ts-check
// npm start. An old Node must get as far as the sentence below: what needs a newer one is imported
// after it.
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 20) {
  console.error(
    `✗ Node ${process.versions.node} is too old: install Node 20 or newer, then start again.`,
  );
  process.exitCode = 1;
} else {
  import('./start/up.mjs').then(({ main }) => main(process.argv.slice(2)));
}
