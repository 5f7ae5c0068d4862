// The Express services of the READMEs, word for word, and the lines that show a revocation.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort, startServer } from './server.mjs'

let server
before(async () => (server = await startServer()))
after(() => server?.stop())

const pages = { 'README.md': 'main', 'clients/node/README.md': 'package' }
for (const [page, name] of Object.entries(pages)) {
  test(`the Express service in ${page} accepts its user until sign-out`, { timeout: 60_000 }, async () => {
    const { account, tokens } = await server.register()
    const base = `http://127.0.0.1:${await freePort()}`
    const code = (await block(page, 'js', /app\.listen\(3000\)/)).replace('listen(3000)', `listen(${new URL(base).port})`)
    const service = await start(name, code.replace('http://127.0.0.1:8000', server.base), base)
    try {
      const headers = { Authorization: `Bearer ${tokens.access_token}` }
      const answer = await fetch(`${base}/products`, { headers })
      assert.deepEqual([answer.status, await answer.json()], [200, { owner: account.id }])

      const lines = (await block('README.md', 'sh', /logout/)).replaceAll('http://127.0.0.1:8000', server.base)
      const script = lines.replaceAll('http://127.0.0.1:3000', base)
      const env = { ...process.env, TOKEN: tokens.access_token }
      const { stdout } = await promisify(execFile)('sh', ['-eu', '-c', script], { env })
      assert.deepEqual(stdout.split('\n'), ['200', '204', '401', ''])
    } finally {
      service.kill()
      await once(service, 'exit')
    }
  })
}

/** The only snippet of a page in a language that contains a pattern. */
async function block(page, language, pattern) {
  const text = await readFile(join(process.env.COUNTERSIGN_TEST_ROOT, page), 'utf8')
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map((found) => found[1])
  const found = blocks.filter((code) => pattern.test(code))
  assert.equal(found.length, 1, `${page}: snippets in ${language} with ${pattern}`)
  return found[0]
}

/** Runs a program next to the installed packages, and waits until it listens. */
async function start(name, code, base) {
  const file = fileURLToPath(new URL(`./service-of-readme-${name}.mjs`, import.meta.url))
  await writeFile(file, code)
  const service = spawn(process.execPath, [file], { stdio: ['ignore', 'inherit', 'inherit'] })
  for (let attempt = 0; attempt < 300; attempt++) {
    assert.equal(service.exitCode, null, `${file} has ended`)
    if (await fetch(base).catch(() => undefined)) return service
    await pause(100)
  }
  service.kill()
  assert.fail(`${file} does not listen`)
}
