// Copies our packages and the examples next to the tests, like an installation by npm: `node guard-install.mjs ROOT`.
// They are copied so that their dependencies are found in the tests' node_modules, and nothing is written to the
// sources.
import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

const root = process.argv[2]
const here = import.meta.dirname
await install('clients/node', 'guard', ['package.json', 'tsconfig.json', 'tsconfig.cjs.json', 'build.mjs', 'src'])
await install('clients/browser', 'client', ['package.json', 'tsconfig.json', 'build.mjs', 'src', 'README.md', 'vue.md', 'svelte.md'])
for (const name of ['express-api', 'go-api']) {
  await rm(join(here, name), { recursive: true, force: true })
  await cp(join(root, 'examples', name), join(here, name), {
    recursive: true,
    filter: (path) => !path.endsWith('node_modules'),
  })
}
await cp(join(root, 'clients/vectors.json'), join(here, 'vectors.json'))

async function install(source, name, files) {
  const target = join(here, 'node_modules/@countersign', name)
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true })
  for (const file of files) await cp(join(root, source, file), join(target, file), { recursive: true })
}
