// The keys, with an issuer that is down, slow, moved, or lies.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createGuard, Denied } from '@countersign/guard'
import { eventually, startIssuer, stoppedClock } from './guard-issuer.mjs'

const METADATA = '/.well-known/oauth-authorization-server'
const KEYS = '/.well-known/jwks.json'
const refused = (code) => (error) => error instanceof Denied && error.code === code
const verified = (guard, token) =>
  guard.verify(token).then(
    () => true,
    () => false,
  )

// Each test has its own issuer and guards.
function check(name, run) {
  test(name, { timeout: 60_000 }, async () => {
    const now = stoppedClock()
    const issuer = await startIssuer({ now })
    const guards = []
    const build = (options) => guards[guards.push(createGuard({ issuer: issuer.issuer, now, ...options })) - 1]
    try {
      await run({ issuer, now, build })
    } finally {
      for (const guard of guards) guard.close()
      await issuer.stop().catch(() => {})
    }
  })
}

// Concurrently, because some of them wait for a timeout.
describe('the keys', { concurrency: true }, () => {
  check(
    'a thousand tokens with a thousand unknown keys cause one fetch in a cooldown',
    async ({ issuer, now, build }) => {
      const guard = build()
      await guard.verify(await issuer.token())
      const before = issuer.count(KEYS)
      const forged = await Promise.all(
        Array.from({ length: 1000 }, (_, number) => issuer.token({}, { kid: `unknown-${number}` })),
      )
      for (const round of [1, 2]) {
        const answers = await Promise.allSettled(forged.map((token) => guard.verify(token)))
        assert.ok(answers.every(({ reason }) => refused('invalid_token')(reason)))
        assert.equal(issuer.count(KEYS), before + round)
        for (const token of forged.slice(0, 10)) await assert.rejects(guard.verify(token), refused('invalid_token'))
        assert.equal(issuer.count(KEYS), before + round)
        now.advance(31)
      }
    },
  )

  check('a new key is found when the first token that names it comes', async ({ issuer, build }) => {
    const guard = build()
    await guard.verify(await issuer.token())
    await issuer.rotate()
    await guard.verify(await issuer.token())
  })

  check('many who need the keys at the start share one fetch', async ({ issuer, build }) => {
    const guard = build()
    const tokens = await Promise.all(Array.from({ length: 200 }, () => issuer.token()))
    await Promise.all(tokens.map((token) => guard.verify(token)))
    assert.equal(issuer.count(METADATA), 1)
    assert.equal(issuer.count(KEYS), 1)
    assert.equal(issuer.count('/oauth2/status-lists/1', { held: false }), 1)
  })

  check('a guard is built with the issuer down, answers 503, and works when it is back', async ({ issuer, build }) => {
    const token = await issuer.token()
    await issuer.stop()
    const guard = build()
    await assert.rejects(guard.verify(token), (denied) => {
      assert.equal(denied.status, 503)
      assert.equal(denied.code, 'unavailable')
      assert.equal(denied.headers['Retry-After'], '1')
      assert.equal(denied.headers['WWW-Authenticate'], undefined)
      assert.ok(denied.cause)
      return true
    })
    await issuer.start()
    await eventually(() => verified(guard, token))
  })

  check(
    'known keys serve on while the issuer is down, and unknown ones are refused',
    async ({ issuer, now, build }) => {
      const guard = build({ whenStale: 'fail_open' })
      await guard.verify(await issuer.token())
      await issuer.stop()
      now.advance(5 * 86400)
      await guard.verify(await issuer.token())
      await assert.rejects(guard.verify(await issuer.token({}, { kid: 'unknown' })), refused('invalid_token'))
    },
  )

  check(
    'an issuer that hangs is given up, and later requests do not wait for it',
    async ({ issuer, build }) => {
      issuer.instead.set(METADATA, () => {})
      const guard = build()
      const token = await issuer.token()
      await assert.rejects(guard.verify(token), refused('unavailable'))
      issuer.instead.clear()
      await eventually(() => verified(guard, token))
      // Requests with an unknown key wait; those with a known one do not.
      issuer.instead.set(KEYS, () => {})
      let over = false
      const unknown = assert
        .rejects(guard.verify(await issuer.token({}, { kid: 'unknown' })), refused('invalid_token'))
        .then(() => (over = true))
      await guard.verify(await issuer.token())
      assert.equal(over, false)
      guard.close()
      await unknown
    },
  )

  const p256 = { kty: 'EC', crv: 'P-256', kid: 'x' }
  const others = [
    { kty: 'RSA', kid: 'x', n: 'AQAB', e: 'AQAB' },
    { kty: 'OKP', crv: 'Ed25519', kid: 'x', x: 'AA' },
    { kty: 'oct', kid: 'x', k: 'AA' },
  ]
  const broken = [p256, { ...p256, x: 'AA', y: 'AA' }, { ...p256, x: 1, y: [] }]
  // Each takes the response and the right keys, as JSON.
  const lies = {
    'an error': (response, keys) => response.writeHead(500).end(keys),
    'another success': (response, keys) => response.writeHead(206).end(keys),
    'a redirect': (response, keys) => response.writeHead(302, { Location: '/elsewhere' }).end(keys),
    HTML: (response) => response.end('<html></html>'),
    'a list': (response) => response.end('[]'),
    null: (response) => response.end('null'),
    'no keys': (response) => response.end('{"keys":[]}'),
    'keys that are no list': (response) => response.end('{"keys":{"length":1}}'),
    'keys of other kinds': (response) => response.end(JSON.stringify({ keys: [null, 1, ...others] })),
    'keys that are no keys': (response) => response.end(JSON.stringify({ keys: broken })),
    '10 MB': (response, keys) => response.end(keys + ' '.repeat(10_000_000)),
    'a torn answer': (response, keys) =>
      response.writeHead(200, { 'Content-Length': keys.length + 1 }).write(keys, () => response.destroy()),
  }
  for (const [name, lie] of Object.entries(lies)) {
    check(`${name} instead of keys changes nothing`, async ({ issuer, build }) => {
      const guard = build()
      const token = await issuer.token()
      await guard.verify(token)
      const keys = JSON.stringify({ keys: issuer.keys })
      issuer.instead.set(KEYS, (_, response) => lie(response, keys))
      await assert.rejects(guard.verify(await issuer.token({}, { kid: 'unknown' })), refused('invalid_token'))
      await guard.verify(await issuer.token())
      const late = build()
      await assert.rejects(late.verify(token), refused('unavailable'))
      issuer.instead.clear()
      await eventually(() => verified(late, token))
      assert.equal(issuer.count('/elsewhere'), 0)
    })
  }

  check('metadata of another issuer, or of keys elsewhere in the clear, is refused', async ({ issuer, build }) => {
    for (const metadata of [
      { issuer: 'https://evil.example', jwks_uri: `${issuer.base}${KEYS}` },
      { issuer: `${issuer.issuer}/`, jwks_uri: `${issuer.base}${KEYS}` },
      // The same port, under another host name of this machine.
      { issuer: issuer.issuer, jwks_uri: `${issuer.base.replace('127.0.0.1', '0.0.0.0')}${KEYS}` },
      { issuer: issuer.issuer, jwks_uri: 'file:///etc/passwd' },
      { issuer: issuer.issuer },
    ]) {
      issuer.instead.set(METADATA, (_, response) => response.end(JSON.stringify(metadata)))
      await assert.rejects(build().verify(await issuer.token()), refused('unavailable'), JSON.stringify(metadata))
    }
    assert.equal(issuer.count(KEYS), 0)
  })

  check('an issuer under another name is named, once', async ({ issuer, build }) => {
    const warnings = []
    const note = (warning) => warning.message.includes(issuer.issuer) && warnings.push(warning)
    process.on('warning', note)
    try {
      const said = { issuer: `http://localhost:1/\n\u001b[31m${'x'.repeat(200)}`, jwks_uri: `${issuer.base}${KEYS}` }
      issuer.instead.set(METADATA, (_, response) => response.end(JSON.stringify(said)))
      const guard = build()
      const denied = await guard.verify(await issuer.token()).catch((error) => error)
      assert.equal(denied.body.detail, "The issuer's keys are unavailable at the moment. Try again.")
      const shown = `http://localhost:1/??[31m${'x'.repeat(75)}...`
      const reason = `the server at ${issuer.base} says that its issuer is ${shown}: configure that as the issuer`
      assert.equal(denied.cause.message, reason)
      // Several more attempts fail for the same reason.
      await eventually(() => issuer.count(METADATA) >= 4)
      assert.deepEqual(
        warnings.map(({ name, code, message }) => ({ name, code, message })),
        [
          {
            name: 'CountersignWarning',
            code: 'COUNTERSIGN_KEYS',
            message: `failed to fetch the keys of ${issuer.issuer}, will retry: ${reason}`,
          },
        ],
      )
      // Another reason is another warning.
      issuer.instead.set(METADATA, (_, response) => response.writeHead(404).end())
      await eventually(() => warnings.length === 2)
      assert.match(warnings[1].message, /responded with 404$/)
      issuer.instead.clear()
      await eventually(async () => verified(guard, await issuer.token()))
      assert.equal(warnings.length, 2)
    } finally {
      process.off('warning', note)
    }
  })

  check('an issuer that cannot be reached is reported with the reason', async ({ issuer, build }) => {
    const warnings = []
    const note = (warning) => warning.message.includes('http://localhost:1,') && warnings.push(warning.message)
    process.on('warning', note)
    try {
      const guard = build({ issuer: 'http://localhost:1' })
      await assert.rejects(guard.verify(await issuer.token()), refused('unavailable'))
      await eventually(() => warnings.length === 1)
      assert.match(warnings[0], /will retry: .*ECONNREFUSED/)
    } finally {
      process.off('warning', note)
    }
  })

  check('keys beside ours that we cannot use are skipped', async ({ issuer, build }) => {
    issuer.keys.unshift(
      { kty: 'RSA', kid: issuer.key.kid, n: 'AQAB', e: 'AQAB' },
      { ...issuer.keys[0], kid: 'other', use: 'enc' },
    )
    const guard = build()
    await guard.verify(await issuer.token())
    await assert.rejects(guard.verify(await issuer.token({}, { kid: 'other' })), refused('invalid_token'))
  })
})
