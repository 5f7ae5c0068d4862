// The session of a browser's cookie, for servers that render pages: what is sent to the issuer, and what its answers mean.
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { createGuard, Denied } from '@countersign/guard'
import { startIssuer } from './guard-issuer.mjs'

const user = { id: '019ac9d4-5f0e-7c31-9d7a-3c1c8a8f6b52', email: 'ada@example.com' }
const app = 'https://app.example.com'
let issuer, guard, name, asked, answer
before(async () => {
  issuer = await startIssuer()
  guard = createGuard({ issuer: issuer.base })
  name = `countersign-${new URL(issuer.base).port}`
  issuer.instead.set('/api/auth/token', (request, response) => {
    asked.push({ method: request.method, headers: request.headers })
    answer(response)
  })
})
beforeEach(() => {
  asked = []
  answer = async (response) => json(response, 200, { user, access_token: await issuer.token({ sub: user.id }), expires_in: 600 })
})
after(async () => {
  guard?.close()
  await issuer?.stop()
})

const json = (response, status, body, headers = {}) =>
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
const with_ = (cookie, more = {}) => ({ headers: { cookie, ...more } })

test('a cookie becomes a user and a token', async () => {
  const session = await guard.sessionFromCookie(new Request('https://app.example.com/orders', { headers: { Cookie: `${name}=secret` } }))
  assert.deepEqual(session.user, user)
  assert.equal(session.token.subject.id, user.id)
  assert.equal((await guard.verify(session.accessToken)).subject.id, user.id)
  assert.equal(session.expiresIn, 600)
  assert.ok(Object.isFrozen(session) && Object.isFrozen(session.user))
  assert.deepEqual(asked.map(({ method }) => method), ['POST'])
})

test('the issuer gets its own cookies and the origin of the application, and nothing else', async () => {
  const cookie = `theme=dark; ${name}=secret; x${name}=1; ${name}x=2; countersign=3; __Host-countersign-app=own; session=private`
  await guard.sessionFromCookie(with_(cookie, { authorization: 'Bearer private', 'x-forwarded-for': '203.0.113.7' }), { origin: app })
  const { cookie: sent, origin, ...rest } = asked[0].headers
  assert.deepEqual([sent, origin], [`${name}=secret; __Host-countersign-app=own`, app])
  assert.deepEqual(Object.keys(rest).sort(), ['accept', 'accept-encoding', 'connection', 'content-length', 'host'])
  await guard.sessionFromCookie(with_(`${name}=secret`), { clientAddress: '203.0.113.7' })
  assert.equal(asked[1].headers['x-forwarded-for'], '203.0.113.7')
  assert.equal(asked[1].headers.origin, issuer.base)
  const forwarded = { 'x-forwarded-for': '203.0.113.7, 10.0.0.1' }
  await guard.sessionFromCookie(with_(`${name}=secret`, forwarded), { trustProxy: true })
  assert.equal(asked[2].headers['x-forwarded-for'], '203.0.113.7, 10.0.0.1')
  await guard.sessionFromCookie(with_(`${name}=secret`, forwarded), { trustProxy: true, clientAddress: '198.51.100.9' })
  assert.equal(asked[3].headers['x-forwarded-for'], '198.51.100.9')
  await guard.sessionFromCookie(with_(`${name}=secret`), { trustProxy: true })
  assert.equal('x-forwarded-for' in asked[4].headers, false)
  // Two of them: the issuer decides that neither counts.
  await guard.sessionFromCookie({ headers: {}, rawHeaders: ['Cookie', `${name}=one`, 'Cookie', `${name}=two`] })
  assert.equal(asked[5].headers.cookie, `${name}=one; ${name}=two`)
})

test('without a cookie, no one is asked', async () => {
  for (const cookie of ['', 'theme=dark', name, `${name}2=secret`, `; ${name.toUpperCase()}=secret`])
    assert.equal(await guard.sessionFromCookie(with_(cookie)), null, cookie)
  assert.equal(await guard.sessionFromCookie({ headers: {} }), null)
  assert.deepEqual(asked, [])
  await assert.rejects(guard.sessionFromCookie({}), TypeError)
})

test('a form of another origin is refused, also one of the same site', async () => {
  const post = (headers, method = 'POST') => guard.sessionFromCookie({ method, headers: { cookie: `${name}=secret`, ...headers } })
  for (const headers of [
    {},
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `${issuer.base}.evil.example` },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
  ]) {
    const refused = await post(headers).then(assert.fail, (error) => error)
    assert.ok(refused instanceof Denied, refused)
    assert.deepEqual([refused.status, refused.code], [403, 'origin_not_allowed'], JSON.stringify(headers))
  }
  await assert.rejects(post({}, 'delete'), Denied)
  // Headers without a method, as in Next.js.
  await assert.rejects(guard.sessionFromCookie(with_(`${name}=secret`, { origin: 'https://evil.example' })), Denied)
  assert.deepEqual(asked, [])
  assert.ok(await post({ origin: issuer.base }))
  assert.ok(await post({ 'sec-fetch-site': 'same-origin' }))
  assert.ok(await guard.sessionFromCookie(with_(`${name}=secret`)))
  // A link from another site may open a page.
  assert.ok(await post({ origin: 'https://evil.example' }, 'GET'))
})

test('what the issuer answers decides', async () => {
  const ask = () => guard.sessionFromCookie(with_(`${name}=secret`))
  answer = (response) => json(response, 401, { code: 'login_required' })
  assert.equal(await ask(), null)
  answer = (response) => json(response, 403, { code: 'origin_not_allowed' })
  await assert.rejects(ask(), /does not accept the origin .*app_origins/)
  answer = (response) => json(response, 429, {}, { 'Retry-After': '7' })
  await assert.rejects(ask(), (error) => error instanceof Denied && error.status === 503 && error.headers['Retry-After'] === '7')
  for (const broken of [
    (response) => json(response, 500, {}),
    (response) => response.writeHead(302, { Location: '/' }).end(),
    (response) => response.end('<html>'),
    (response) => response.end('null'),
    (response) => json(response, 200, {}),
    (response) => response.destroy(),
    (response) => response.end('x'.repeat(100_000)),
    async (response) => json(response, 200, { user, access_token: await issuer.token() }),
  ]) {
    answer = broken
    await assert.rejects(ask(), (error) => error instanceof Denied && error.status === 503, String(broken))
  }
  answer = async (response) => json(response, 200, { user, access_token: await issuer.token({ sub: user.id, aud: 'other' }) })
  await assert.rejects(ask(), /not accepted: The token is for another audience/)
})

test('a session that has ended opens nothing, though its token was accepted a moment ago', async () => {
  const status = { status_list: { idx: 9, uri: issuer.listUri(2) } }
  answer = async (response) => json(response, 200, { user, access_token: await issuer.token({ sub: user.id, status }), expires_in: 600 })
  const ask = () => guard.sessionFromCookie(with_(`${name}=secret`))
  assert.ok(await ask())
  issuer.revoke(9, 2)
  while (await ask());
})
