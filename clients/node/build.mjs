// Builds what is shipped with the sources: types, and CommonJS for programs and test runners without ES modules. `npm pack`
// runs it. TypeScript does both.
import { execFileSync } from 'node:child_process'
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const here = import.meta.dirname
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
const inside = (name) => join(here, name)
const remove = (name) => rmSync(inside(name), { recursive: true, force: true })
const compile = (project) => execFileSync(process.execPath, [compiler, '--project', inside(project)], { stdio: 'inherit' })

for (const name of ['types', 'cjs', 'cjs-src']) remove(name)
compile('tsconfig.json')
// TypeScript takes the module format from the nearest package.json.
cpSync(inside('src'), inside('cjs-src'), { recursive: true })
writeFileSync(inside('cjs-src/package.json'), '{ "type": "commonjs" }\n')
compile('tsconfig.cjs.json')
cpSync(inside('cjs-src/package.json'), inside('cjs/package.json'))
cpSync(inside('types'), inside('cjs'), { recursive: true })
remove('cjs-src')
