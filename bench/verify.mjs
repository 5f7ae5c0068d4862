// Measures verifying a token in Node, compared with jose and the bare signature check: microseconds, the best of many
// rounds. Called by bench/verify.
import { createGuard } from '@countersign/guard'
import { createLocalJWKSet, jwtVerify } from 'jose'

const [ROUNDS, TOKENS] = [40, 50]
const [issuer, token] = process.argv.slice(2)

async function best(work) {
  let least = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const began = process.hrtime.bigint()
    for (let i = 0; i < TOKENS; i++) await work()
    least = Math.min(least, Number(process.hrtime.bigint() - began) / TOKENS / 1000)
  }
  return least
}

const set = await (await fetch(`${issuer}/.well-known/jwks.json`)).json()
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const key = await crypto.subtle.importKey('jwk', set.keys[0], algorithm, false, ['verify'])
const [header, claims, signature] = token.split('.')
const [raw, text] = [Buffer.from(signature, 'base64url'), Buffer.from(`${header}.${claims}`)]
const keys = createLocalJWKSet(set)
const [fresh, remembering] = [createGuard({ issuer, cacheSize: 0 }), createGuard({ issuer })]
await fresh.verify(token)
await remembering.verify(token)

const bare = await best(() => crypto.subtle.verify(algorithm, key, raw, text))
for (const [name, cost] of [
  ['Node: the signature alone (WebCrypto)', bare],
  ['Node: jose', await best(() => jwtVerify(token, keys, { issuer, audience: issuer, typ: 'at+jwt', algorithms: ['ES256'] }))],
  ['Node: @countersign/guard, not remembered', await best(() => fresh.verify(token))],
  ['Node: @countersign/guard, remembered', await best(() => remembering.verify(token))],
]) console.log(`${name.padEnd(46)}${cost.toFixed(2).padStart(9)}${(cost / bare).toFixed(3).padStart(9)}`)
fresh.close()
remembering.close()
