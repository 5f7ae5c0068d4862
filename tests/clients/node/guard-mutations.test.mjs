// A few thousand tokens with the Rust guard's verdict (crates/guard/tests/vectors/mutations): this guard must agree on
// each, and jose must reject those that are forged, expired or for another audience. COUNTERSIGN_TEST_MUTATIONS names
// the file, which scripts/test generates in each run.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { createGuard, Denied } from '@countersign/guard'
import { importJWK, jwtVerify } from 'jose'
import { startIssuer } from './guard-issuer.mjs'

const path = process.env.COUNTERSIGN_TEST_MUTATIONS
assert.ok(path, 'COUNTERSIGN_TEST_MUTATIONS must name the file of mutations; scripts/test clients makes it')
const mutations = JSON.parse(await readFile(path, 'utf8'))
const now = () => mutations.now * 1000

let issuer
before(async () => {
  issuer = await startIssuer({ issuer: mutations.issuer, now })
  publish('', JSON.stringify(mutations.jwks))
  for (const [number, set] of mutations.key_sets.entries()) publish(`/sets/${number}`, set.jwks)
})
after(() => issuer?.stop())

function publish(base, keys) {
  const { issuer: name } = mutations
  const say = (path, body) => issuer.instead.set(base + path, (_, response) => response.writeHead(200).end(body))
  say('/.well-known/oauth-authorization-server', JSON.stringify({ issuer: name, jwks_uri: `${name}/.well-known/jwks.json` }))
  say('/.well-known/jwks.json', keys)
  for (const [uri, jwt] of Object.entries(mutations.status_lists)) say(uri.slice(name.length), jwt)
}

function build(base) {
  const { issuer: name, audience, leeway } = mutations
  return createGuard({ issuer: name, audience, leeway, baseUrl: issuer.base + base, now })
}

async function verdict(guard, token) {
  try {
    return `valid: ${(await guard.verify(token)).subject.kind}`
  } catch (denied) {
    assert.ok(denied instanceof Denied, denied)
    const { status, code, message } = denied
    if (status === 401 && code === 'invalid_token')
      return message === 'The token has been revoked.' ? 'revoked' : 'invalid'
    assert.deepEqual({ status, code }, { status: 503, code: 'unavailable' })
    return 'unavailable'
  }
}

test('every token is judged as the rules say', async () => {
  const guard = build('')
  const wrong = []
  for (const { name, rules, token, expect, subject } of mutations.tokens) {
    const got = await verdict(guard, token)
    const wanted = expect === 'valid' ? `valid: ${subject}` : expect
    if (got !== wanted) wrong.push(`${rules.join(' ')} ${name}: ${got}, not ${wanted}`)
  }
  guard.close()
  assert.deepEqual(wrong, [])
  assert.ok(mutations.tokens.length > 3000)
})

test('every key set is read as the rules say', async () => {
  const wrong = []
  for (const [number, { name, rule, token, expect }] of mutations.key_sets.entries()) {
    const guard = build(`/sets/${number}`)
    const got = await verdict(guard, token)
    guard.close()
    const wanted = expect === 'valid' ? 'valid: account' : expect
    if (got !== wanted) wrong.push(`${rule} ${name}: ${got}, not ${wanted}`)
  }
  assert.deepEqual(wrong, [])
})

// It accepts much that we reject, because it does not check `typ`, `kid` or `sid`.
test('jose takes none that is forged or past', async (context) => {
  const { issuer: name, audience, leeway } = mutations
  const key = await importJWK(mutations.jwks.keys.find(({ crv }) => crv === 'P-256'), 'ES256')
  const options = { algorithms: ['ES256'], issuer: name, audience, clockTolerance: leeway, currentDate: new Date(now()) }
  const takes = (token) => jwtVerify(token, key, { ...options, requiredClaims: ['exp'] }).then(() => true, () => false)
  const [forged, laxer, stricter] = [[], [], []]
  for (const { name, token, expect, must_refuse: must } of mutations.tokens) {
    const taken = await takes(token)
    if (taken && must) forged.push(name)
    if (taken && expect === 'invalid') laxer.push(name)
    if (!taken && expect === 'valid') stricter.push(name)
  }
  assert.deepEqual(forged, [])
  context.diagnostic(`jose takes ${laxer.length} that the rules refuse, and refuses ${stricter.length} that they allow`)
})
