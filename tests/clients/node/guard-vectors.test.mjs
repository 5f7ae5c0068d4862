// The test vectors shared by Rust, Python and Node (clients/vectors.json), each checked with the guard.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { callerOf, createGuard, Denied, requireUser } from '@countersign/guard'
// Not public: the vectors also contain lists that no token names.
import { KeySet } from './node_modules/@countersign/guard/src/keys.js'
import { readOptions } from './node_modules/@countersign/guard/src/settings.js'
import { readStatusList } from './node_modules/@countersign/guard/src/status-list.js'
import { startIssuer } from './guard-issuer.mjs'

const vectors = JSON.parse(await readFile(new URL('vectors.json', import.meta.url)))

let issuer, options, guard
const closing = new AbortController()
before(async () => {
  const now = () => vectors.now * 1000
  issuer = await startIssuer({ issuer: vectors.issuer, now })
  issuer.keys = vectors.jwks.keys
  for (const [uri, jwt] of Object.entries(vectors.status_lists)) {
    issuer.instead.set(new URL(uri).pathname, (request, response) => {
      // Held forever, because these lists do not change.
      if (!request.headers['if-none-match']) response.writeHead(200, { ETag: '"1"' }).end(jwt)
    })
  }
  options = { issuer: vectors.issuer, audience: vectors.audience, leeway: vectors.leeway, baseUrl: issuer.base, now }
  guard = createGuard(options)
})
after(async () => {
  closing.abort()
  guard?.close()
  await issuer?.stop()
})

describe('tokens', () => {
  assert.ok(vectors.tokens.length >= 60)
  assert.ok(vectors.tokens.some(({ verified }) => verified?.subject.client))
  for (const { name, token, expect, verified } of vectors.tokens) {
    test(`${name}: ${expect}`, async () => {
      if (expect === 'valid') {
        // Once verified, once from the cache.
        for (const judged of [await guard.verify(token), await guard.verify(token)]) {
          const { subject, clientId, session, scopes } = judged
          const shown = { subject: { [subject.kind]: subject.id }, client_id: clientId, session, scopes }
          const user = subject.kind === 'account' ? requireUser(judged) : {}
          const about = { email: user.email, email_verified: user.emailVerified, name: user.name }
          // Without the members that are undefined.
          assert.deepEqual(JSON.parse(JSON.stringify({ ...shown, ...about })), verified)
          const caller = callerOf(judged)
          assert.deepEqual({ [caller.kind === 'user' ? 'account' : caller.kind]: caller.id }, verified.subject)
          assert.deepEqual(caller.scopes, scopes)
          if (subject.kind === 'account') assert.equal(requireUser(judged).id, subject.id)
          else assert.throws(() => requireUser(judged), ({ status, code }) => status === 403 && code === 'insufficient_scope')
        }
        return
      }
      await assert.rejects(guard.verify(token), (denied) => {
        assert.ok(denied instanceof Denied, denied)
        assert.equal(denied.status, 401)
        assert.equal(denied.message === 'The token has been revoked.', expect === 'revoked', denied.message)
        return true
      })
    })
  }
})

describe('status lists', () => {
  assert.ok(vectors.lists.length >= 15)
  let settings, keys
  before(() => {
    settings = readOptions(options)
    keys = new KeySet(settings, closing.signal)
  })
  for (const { name, uri, jwt, expect, statuses } of vectors.lists) {
    test(`${name}: ${expect}`, async () => {
      const reading = readStatusList(jwt, uri, keys, settings)
      if (expect !== 'valid') return assert.rejects(reading)
      const list = await reading
      for (const [idx, status] of Object.entries(statuses)) assert.equal(list.status(Number(idx)), status)
    })
  }
})
