// Copies our package and the examples next to the tests, like an installation by npm: `node guard-install.mjs ROOT`.
// They are copied so that their dependencies are found in the tests' node_modules, and nothing is written to the
// sources.
import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

const root = process.argv[2]
const here = import.meta.dirname
const guard = join(here, 'node_modules/@countersign/guard')
await rm(guard, { recursive: true, force: true })
await mkdir(guard, { recursive: true })
for (const name of ['package.json', 'tsconfig.json', 'tsconfig.cjs.json', 'build.mjs', 'src'])
  await cp(join(root, 'clients/node', name), join(guard, name), { recursive: true })
for (const name of ['express-api', 'go-api']) {
  await rm(join(here, name), { recursive: true, force: true })
  await cp(join(root, 'examples', name), join(here, name), {
    recursive: true,
    filter: (path) => !path.endsWith('node_modules'),
  })
}
await cp(join(root, 'clients/vectors.json'), join(here, 'vectors.json'))
