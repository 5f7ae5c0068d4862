// The guard with the real server: it accepts a signed-in user and rejects one that has signed out.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createGuard, Denied } from '@countersign/guard'
import { eventually } from './guard-issuer.mjs'
import { password, startServer } from './server.mjs'

let server, guard
before(async () => {
  server = await startServer()
  guard = createGuard({ issuer: server.base })
})
after(async () => {
  guard?.close()
  await server?.stop()
})

const signOut = async (token) => {
  const answer = await fetch(`${server.base}/api/auth/logout`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}` },
  })
  assert.equal(answer.status, 204)
}
const ended = (token) =>
  guard.verify(token).then(
    () => false,
    (denied) => {
      assert.ok(denied instanceof Denied, denied)
      assert.equal(denied.code, 'invalid_token', denied.message)
      return true
    },
  )

test('who signs in is let in, and who signs out is refused', { timeout: 60_000 }, async () => {
  const {
    account,
    tokens: { access_token: leaving },
  } = await server.register()
  const {
    tokens: { access_token: staying },
  } = await server.register()
  assert.equal((await guard.verify(leaving)).subject.id, account.id)
  await guard.verify(staying)
  await signOut(leaving)
  await eventually(() => ended(leaving))
  await guard.verify(staying)
  await signOut(staying)
  await eventually(() => ended(staying))
  assert.ok(await ended(leaving))
})

test('a guard that begins later refuses them at once', { timeout: 60_000 }, async () => {
  const {
    tokens: { access_token: token },
  } = await server.register()
  await signOut(token)
  const late = createGuard({ issuer: server.base })
  await assert.rejects(late.verify(token), { code: 'invalid_token' })
  late.close()
})

test('a cookie opens pages of this server, and of an application of the owner, until its session ends', { timeout: 60_000 }, async () => {
  const { account } = await server.register()
  const cookie = await signInWithCookie(account.email)
  const session = await guard.sessionFromCookie({ headers: { cookie } })
  assert.equal(session.user.id, account.id)
  assert.equal(session.user.email, account.email)
  assert.equal(session.token.subject.id, account.id)
  // In development, every page on localhost is an application.
  const application = { origin: 'http://127.0.0.1:3000' }
  assert.equal((await guard.sessionFromCookie({ headers: { cookie } }, application)).user.id, account.id)
  await assert.rejects(guard.sessionFromCookie({ headers: { cookie } }, { origin: 'https://app.example.com' }), /app_origins/)
  assert.equal(await guard.sessionFromCookie({ headers: { cookie: `${cookie}x` } }), null)
  assert.equal(await guard.sessionFromCookie({ headers: { cookie: `${cookie}; ${cookie}` } }), null, 'one of two was planted')
  await signOut(session.accessToken)
  assert.equal(await guard.sessionFromCookie({ headers: { cookie } }), null)
})

async function signInWithCookie(email) {
  const answer = await fetch(`${server.base}/api/auth/login`, {
    method: 'POST',
    headers: { Origin: server.base, 'Content-Type': 'application/json' },
    body: JSON.stringify({ email, password, session: 'cookie' }),
  })
  assert.equal(answer.status, 200, await answer.text())
  const name = `countersign-${new URL(server.base).port}=`
  return answer.headers.getSetCookie().find((cookie) => cookie.startsWith(name)).split(';')[0]
}
