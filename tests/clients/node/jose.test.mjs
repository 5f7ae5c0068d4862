// jose verifies our access tokens with the published key set: on its own, and as shown in our documentation.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { calculateJwkThumbprint, createRemoteJWKSet, errors, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { startServer } from './server.mjs'

let server, keys, expected
before(async () => {
  server = await startServer()
  keys = createRemoteJWKSet(new URL(`${server.base}/.well-known/jwks.json`))
  expected = { issuer: server.base, audience: server.base, typ: 'at+jwt', algorithms: ['ES256'] }
})
after(() => server?.stop())

test('an access token is verified from the key set', async () => {
  const { account, tokens } = await server.register()
  const { payload, protectedHeader } = await jwtVerify(tokens.access_token, keys, expected)
  assert.equal(payload.sub, account.id)
  assert.equal(payload.client_id, 'countersign')
  assert.equal(payload.exp - payload.iat, tokens.expires_in)
  assert.equal(protectedHeader.typ, 'at+jwt')
})

test('the key set names each key by its thumbprint', async () => {
  const set = await (await fetch(`${server.base}/.well-known/jwks.json`)).json()
  assert.ok(set.keys.length > 0)
  for (const key of set.keys) assert.equal(key.kid, await calculateJwkThumbprint(key))
})

test('another audience and another type are refused', async () => {
  const { tokens } = await server.register()
  const other = { ...expected, audience: 'https://other.example' }
  await assert.rejects(jwtVerify(tokens.access_token, keys, other), errors.JWTClaimValidationFailed)
  await assert.rejects(jwtVerify(tokens.access_token, keys, { ...expected, typ: 'JWT' }), errors.JWTClaimValidationFailed)
})

test('the server refuses what jose signs with a key of its own', async () => {
  const { tokens } = await server.register()
  const { payload, protectedHeader } = await jwtVerify(tokens.access_token, keys, expected)
  const { privateKey } = await generateKeyPair('ES256')
  const forged = await new SignJWT(payload).setProtectedHeader(protectedHeader).sign(privateKey)
  for (const [token, status] of [[tokens.access_token, 200], [forged, 401]]) {
    const answer = await fetch(`${server.base}/api/auth/me`, { headers: { Authorization: `Bearer ${token}` } })
    assert.equal(answer.status, status)
  }
})

test('the function in the guide knows its user', async () => {
  const text = await readFile(join(process.env.COUNTERSIGN_TEST_ROOT, 'docs/guides/any-jose-library.md'), 'utf8')
  const [, code] = /```js\n(.*?)```/s.exec(text)
  assert.match(code, /http:\/\/127.0.0.1:8000/)
  const module = new URL('./example-in-any-jose-library.mjs', import.meta.url)
  await writeFile(module, code.replaceAll('http://127.0.0.1:8000', server.base))
  const { currentUser } = await import(module)

  const { account, tokens } = await server.register()
  assert.equal(await currentUser({ headers: { authorization: `Bearer ${tokens.access_token}` } }), account.id)
  await assert.rejects(currentUser({ headers: {} }))
  await assert.rejects(currentUser({ headers: { authorization: 'Bearer nonsense' } }))
})
