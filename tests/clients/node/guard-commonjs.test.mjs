// The package as packed by `npm pack`, without ES modules: with `require`, and in Jest with its default settings.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { startIssuer } from './guard-issuer.mjs'

const run = promisify(execFile)
const here = import.meta.dirname
const folder = join(here, 'guard-commonjs')
const installed = join(folder, 'node_modules/@countersign/guard')

let issuer
before(async () => {
  issuer = await startIssuer()
  await rm(folder, { recursive: true, force: true })
  const built = join(folder, 'built')
  await mkdir(folder, { recursive: true })
  await cp(join(here, 'node_modules/@countersign/guard'), built, { recursive: true })
  await run('npm', ['pack', '--silent'], { cwd: built })
  await mkdir(installed, { recursive: true })
  await run('tar', ['xzf', join(built, 'countersign-guard-0.1.0.tgz'), '--strip-components=1', '-C', installed])
  await rm(built, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{}')
})
after(async () => {
  await issuer?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('it can be required, beside its ES modules', async () => {
  const program = `
    const assert = require('node:assert/strict')
    const { createGuard, Denied } = require('@countersign/guard')
    const { protect } = require('@countersign/guard/express')
    assert.equal(typeof require('@countersign/guard/fastify').protect, 'function')
    assert.equal(typeof require('@countersign/guard/testing').startCountersign, 'function')
    ;(async () => {
      const guard = createGuard({ issuer: process.argv[2] })
      const user = await guard.verify(process.argv[3])
      assert.deepEqual(user.scopes, ['products:read', 'products:write'])
      const modules = await import('@countersign/guard')
      const refused = await guard.verify('nonsense').catch((error) => error)
      assert.ok(refused instanceof Denied && refused instanceof modules.Denied && !(new Error() instanceof Denied))
      // A guard of one module format under the middleware of the other.
      const other = modules.createGuard({ issuer: process.argv[2] })
      const response = { writeHead: (status) => (response.status = status, response), end() { assert.equal(response.status, 401) } }
      protect(other)({ headers: {} }, response, assert.fail)
    })()`
  await writeFile(join(folder, 'required.cjs'), program)
  await run(process.execPath, ['required.cjs', issuer.issuer, await issuer.token()], { cwd: folder })
})

// Its modules run in separate realms, with other `Headers`, `Error` and `Object` than Node's.
test('Jest loads it without any setting', async () => {
  const body = `
    const guard = createGuard({ issuer: process.env.ISSUER })
    afterAll(() => guard.close())
    const authorization = 'Bearer ' + process.env.TOKEN
    test('a token is verified', async () => {
      expect((await guard.verify(process.env.TOKEN)).scopes).toEqual(['products:read', 'products:write'])
      await expect(guard.verify('nonsense')).rejects.toThrow(Denied)
    })
    test('a request is known by any headers', async () => {
      for (const headers of [{ authorization }, new Headers({ authorization }), new Map([['Authorization', authorization]])])
        expect((await guard.authenticate({ headers })).scopes).toContain('products:read')
      await guard.authenticate(new Request('https://api.example.com', { headers: { authorization } }))
    })`
  await writeFile(join(folder, 'required.test.js'), `const { createGuard, Denied } = require('@countersign/guard')\n${body}`)
  const jest = join(here, 'node_modules/jest/bin/jest.js')
  const env = { ...process.env, ISSUER: issuer.issuer, TOKEN: await issuer.token() }
  const { stderr } = await run(process.execPath, [jest, '--rootDir', folder, '--ci', '--no-cache'], { cwd: folder, env })
  assert.match(stderr, /Tests: +2 passed, 2 total/)
})
