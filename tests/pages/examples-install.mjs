// Copies our packages and the examples next to the tests, like an installation by npm: `node examples-install.mjs ROOT`.
// Their dependencies are those of the tests.
import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

const root = process.argv[2]
const here = import.meta.dirname
for (const [source, name] of [['node', 'guard'], ['browser', 'client']])
  for (const file of ['package.json', 'src']) await copy(join('clients', source, file), join('node_modules/@countersign', name, file))
for (const name of ['spa-react', 'nextjs']) await copy(join('examples', name), name)

async function copy(source, target) {
  // In .next, Next.js keeps what it need not build again.
  const before = (await readdir(join(here, target)).catch(() => [])).filter((entry) => entry !== '.next')
  for (const entry of before) await rm(join(here, target, entry), { recursive: true })
  await mkdir(join(here, target, '..'), { recursive: true })
  await cp(join(root, source), join(here, target), {
    recursive: true,
    filter: (path) => !/[/](node_modules|dist|\.next)$/.test(path),
  })
}
