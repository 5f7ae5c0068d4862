// The fixture for tests of applications, with the real program (`countersign dev`).
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { createGuard, Denied } from '@countersign/guard'
import { protect, requireScope } from '@countersign/guard/express'
import { startCountersign } from '@countersign/guard/testing'
import express from 'express'
import { eventually } from './guard-issuer.mjs'

const program = process.env.COUNTERSIGN_TEST_BIN
let auth, guard
before(async () => {
  assert.ok(program, "COUNTERSIGN_TEST_BIN must name the server's program; scripts/test clients sets it")
  auth = await startCountersign({ program })
  guard = createGuard({ issuer: auth.issuer, now: auth.clock.now })
})
after(async () => {
  guard?.close()
  await auth?.stop()
})

const refused = (code) => (error) => error instanceof Denied && error.code === code

test("an application's own route, with a real token", async () => {
  const app = express()
    .use(protect(guard))
    .post('/products', requireScope('products:write'), (req, res) => res.json(req.user.id))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const post = async (wanted) =>
    fetch(`http://127.0.0.1:${server.address().port}/products`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${await auth.token(wanted)}` },
    })

  const answer = await post({ user: 'ada@example.com', scopes: ['products:write'] })
  assert.equal(answer.status, 200)
  assert.equal(await answer.json(), auth.users.find(({ email }) => email === 'ada@example.com').id)
  assert.equal((await post({ user: 'bob@example.com' })).status, 403)
  server.close()
})

test('the users are there, and any other is made', async () => {
  const [ada] = auth.users
  assert.equal((await guard.verify(await auth.token())).subject.id, ada.id)
  assert.equal((await guard.verify(await auth.token({ user: ada.id }))).subject.id, ada.id)
  const stranger = await guard.verify(await auth.token({ user: 'grace@example.com', scopes: ['a', 'b'] }))
  assert.ok(!auth.users.some(({ id }) => id === stranger.subject.id))
  assert.deepEqual([...stranger.scopes].sort(), ['a', 'b'])
})

test('a token that has expired is refused, and one for another audience', async () => {
  await assert.rejects(guard.verify(await auth.token({ lifetime: '-1h' })), refused('invalid_token'))
  await assert.rejects(guard.verify(await auth.token({ audience: 'https://other.example' })), refused('invalid_token'))
})

test('a token that is taken back is refused, by its own session alone', async () => {
  const [leaving, staying] = [await auth.token(), await auth.token()]
  await guard.verify(leaving)
  await auth.revoke(leaving)
  await eventually(() => guard.verify(leaving).then(() => false, refused('invalid_token')))
  await guard.verify(staying)
})

test('a mistake is told', async () => {
  await assert.rejects(auth.token({ lifetime: 'soon' }), /\/dev\/tokens responded with 4\d\d: \{/)
  await assert.rejects(startCountersign({ program: '/no/such/program' }), /does not start.*COUNTERSIGN_BIN/)
  await assert.rejects(startCountersign({ program: process.execPath }), /dev ended with 1: [^]*Cannot find module/)
})

test('the clock moves on', async () => {
  const other = await startCountersign({ program })
  const later = createGuard({ issuer: other.issuer, now: other.clock.now })
  try {
    const token = await other.token({ lifetime: '15m' })
    await later.verify(token)
    await other.clock.advance('1h')
    await assert.rejects(later.verify(token), refused('invalid_token'))
    await later.verify(await other.token())
  } finally {
    later.close()
    await other.stop()
  }
})

test('what a test forgot to stop ends with it', async () => {
  const script = `
    import { startCountersign } from '@countersign/guard/testing'
    const auth = await startCountersign({ program: ${JSON.stringify(program)} })
    console.log(auth.issuer)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [printed, [code]] = await Promise.all([child.stdout.toArray(), once(child, 'exit')])
  assert.equal(code, 0)
  const { port } = new URL(String(printed).trim())
  // Its port is free again.
  await eventually(async () => {
    const probe = createServer()
    probe.listen(Number(port), '127.0.0.1')
    return once(probe, 'listening').then(
      () => once(probe.close(), 'close'),
      () => false,
    )
  })
})
