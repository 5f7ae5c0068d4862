// The guard's verdict on tokens and requests, and the validation of its options.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import vm from 'node:vm'
import { createGuard, Denied, requireScope, requireUser } from '@countersign/guard'
import { startIssuer, stoppedClock } from './guard-issuer.mjs'

let issuer, guard
const now = stoppedClock()
before(async () => {
  issuer = await startIssuer({ now })
  guard = createGuard({ issuer: issuer.issuer, now })
})
after(async () => {
  guard?.close()
  await issuer?.stop()
})

const refused = (code, status) => (error) => error instanceof Denied && error.code === code && error.status === status
const invalid = refused('invalid_token', 401)

test('a user has an id, a session, scopes and claims, and cannot be changed', async () => {
  const token = await issuer.token({
    sub: '0198b6a0-0000-7000-8000-000000000001',
    sid: '0198b6a0-0000-7000-8000-000000000002',
  })
  for (const verified of [await guard.verify(token), await guard.verify(token)]) {
    assert.deepEqual(verified.subject, { kind: 'account', id: '0198b6a0-0000-7000-8000-000000000001' })
    assert.equal(verified.clientId, 'countersign')
    assert.throws(() => (verified.subject.id = 'x'), TypeError)
    const user = requireUser(verified)
    assert.throws(() => (user.id = 'x'), TypeError)
    assert.equal(user.id, '0198b6a0-0000-7000-8000-000000000001')
    assert.equal(user.session, '0198b6a0-0000-7000-8000-000000000002')
    assert.deepEqual(user.scopes, ['products:read', 'products:write'])
    assert.deepEqual(user.claims.amr, ['pwd'])
    assert.throws(() => user.scopes.push('admin'), TypeError)
    assert.throws(() => (user.claims.status.status_list.idx = 8), TypeError)
  }
})

test('a token may say how to greet its user', async () => {
  const about = { email: 'ada@example.com', email_verified: false, name: 'Ada <b>' }
  const user = requireUser(await guard.verify(await issuer.token(about)))
  assert.deepEqual([user.email, user.emailVerified, user.name], Object.values(about))
  const plain = requireUser(await guard.verify(await issuer.token()))
  assert.deepEqual([plain.email, plain.emailVerified, plain.name], [undefined, undefined, undefined])
  for (const wrong of [{ email: 1 }, { email: ['a'] }, { email: null }, { email_verified: 'true' }, { email_verified: null }, { name: {} }])
    await assert.rejects(guard.verify(await issuer.token(wrong)), invalid)
  for (const [name, value] of Object.entries(about))
    await assert.rejects(guard.verify(await issuer.clientToken({ [name]: value })), invalid)
})

test('an account has one name, however its token spells it', async () => {
  const user = requireUser(
    await guard.verify(await issuer.token({ sub: '0198B6A0-0000-7000-8000-00000000000A', sid: '0198b6A0-0000-7000-8000-00000000000b' })),
  )
  assert.equal(user.id, '0198b6a0-0000-7000-8000-00000000000a')
  assert.equal(user.session, '0198b6a0-0000-7000-8000-00000000000b')
})

test('a token without a session is one of a person still', async () => {
  const user = requireUser(await guard.verify(await issuer.token({ sid: undefined, auth_time: undefined, amr: undefined })))
  assert.equal(user.session, undefined)
})

test('a token of a client is about no person', async () => {
  const verified = await guard.verify(await issuer.clientToken())
  assert.deepEqual(verified.subject, { kind: 'client', id: 'billing' })
  requireScope(verified, 'products:write')
  assert.throws(() => requireUser(verified), refused('insufficient_scope', 403))
})

test('a token without scopes has none', async () => {
  assert.deepEqual((await guard.verify(await issuer.token({ scope: undefined }))).scopes, [])
})

test('the audiences are named to the service, not to the client', async () => {
  const aud = ['https://other.example', `\n\u001b[31m${'x'.repeat(200)}`]
  const denied = await guard.verify(await issuer.token({ aud })).catch((error) => error)
  assert.equal(denied.body.detail, 'The token is for another audience.')
  const shown = `https://other.example,??[31m${'x'.repeat(72)}...`
  assert.equal(denied.cause.message, `The token is for ${shown}, and this guard expects ${issuer.issuer}.`)
  assert.doesNotMatch(JSON.stringify([denied.headers, denied.body]), /other\.example/)
})

test('a token for another audience is reported once', async () => {
  const own = createGuard({ issuer: issuer.issuer, now })
  const warnings = []
  const note = (warning) => warning.code === 'COUNTERSIGN_AUDIENCE' && warnings.push(warning.message)
  // Not a warning of the test before.
  await new Promise(setImmediate)
  process.on('warning', note)
  try {
    // A forged token is not logged.
    const [head, body] = (await issuer.token({ aud: 'https://forged.example' })).split('.')
    await assert.rejects(own.verify(`${head}.${body}.${'A'.repeat(86)}`), invalid)
    for (let times = 0; times < 2; times++)
      await assert.rejects(own.verify(await issuer.token({ aud: 'https://other.example' })), invalid)
    await new Promise(setImmediate)
    const both = `The token is for https://other.example, and this guard expects ${issuer.issuer}.`
    assert.deepEqual(warnings, [`${both} If it is meant for this service, correct the option audience.`])
  } finally {
    process.off('warning', note)
    own.close()
  }
})

test('a missing issuer is named first', () => {
  for (const options of [{}, { audience: 'https://api.example.com' }, { issuer: '' }])
    assert.throws(() => createGuard(options), { name: 'TypeError', message: /issuer must be a URL/ })
  assert.throws(() => createGuard({ issuer: 'https://auth.example.com', audience: [] }), /audience must be a name/)
})

describe('a token is refused', () => {
  const seconds = () => Math.floor(now() / 1000)
  const cases = {
    'of another issuer': { iss: 'https://evil.example' },
    'for another audience': { aud: ['https://other.example'] },
    'without an audience': { aud: undefined },
    'that has expired': { exp: seconds() - 31 },
    'without an end': { exp: undefined },
    'of an endless end': { exp: 2 ** 60 },
    'of the future': { iat: seconds() + 31 },
    'without a beginning': { iat: undefined },
    'not valid yet': { nbf: seconds() + 31 },
    'without an account': { sub: undefined },
    'whose account is no UUID': { sub: 'ada' },
    'whose session is null': { sid: null },
    'that is about neither an account nor its client': { sub: 'billing' },
    'of a client that is named like an account': {
      client_id: '0198b6a0-0000-7000-8000-000000000001',
      sub: '0198b6a0-0000-7000-8000-000000000001',
    },
    'of a client with a session': { sub: 'billing', client_id: 'billing', auth_time: undefined, amr: undefined },
    'whose scopes are a list': { scope: ['products:read'] },
    'without a status': { status: undefined },
    'with an empty status': { status: {} },
    'with a status that is null': { status: null },
    'with a negative index': { status: { status_list: { idx: -1, uri: 'x' } } },
    'with half an index': { status: { status_list: { idx: 0.5, uri: 'x' } } },
  }
  for (const [name, claims] of Object.entries(cases)) {
    test(name, async () => assert.rejects(guard.verify(await issuer.token(claims)), invalid))
  }
  const headers = {
    'of another type': { typ: 'JWT' },
    'with a key of its own': { jwk: {} },
    'that points to a key': { jku: 'https://evil.example/keys' },
    'that points to a certificate': { x5u: 'https://evil.example/keys' },
    'with a certificate': { x5c: [] },
    'that names no key': { kid: undefined },
  }
  for (const [name, header] of Object.entries(headers)) {
    test(name, async () => assert.rejects(guard.verify(await issuer.token({}, header)), invalid))
  }

  test('that is not signed, changed, padded, too long, or nonsense', async () => {
    const token = await issuer.token()
    const [header, payload, signature] = token.split('.')
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
    const other = { ...JSON.parse(Buffer.from(payload, 'base64url')), scope: 'admin' }
    const changed = Buffer.from(JSON.stringify(other)).toString('base64url')
    // The last character of 64 bytes has four unused bits.
    const last = signature.at(-1)
    const twin = signature.slice(0, -1) + { A: 'B', Q: 'R', g: 'h', w: 'x' }[last]
    for (const text of [
      '',
      'nonsense',
      'a.b',
      `${none}.${payload}.`,
      `${header}.${changed}.${signature}`,
      `${token}=`,
      `${token}\n`,
      ` ${token}`,
      `${token}.`,
      `${header}.${payload}.${twin}`,
      await issuer.token({ filler: 'x'.repeat(8192) }),
      undefined,
      null,
      {},
    ]) {
      await assert.rejects(guard.verify(text), invalid, String(text))
    }
  })

  test('with a status list elsewhere, which is not fetched', async () => {
    const asked = issuer.requests.length
    for (const uri of [
      'https://evil.example/1',
      issuer.base.replace('http:', 'https:'),
      issuer.base.replace('//', '//ada@'),
      `${issuer.base}.evil.example/1`,
      '/1',
      'file:///etc/passwd',
    ]) {
      const token = await issuer.token({ status: { status_list: { idx: 1, uri } } })
      await assert.rejects(guard.verify(token), invalid, uri)
    }
    assert.deepEqual(
      issuer.requests
        .slice(asked)
        .filter(({ path }) => path.startsWith('/oauth2') && path !== '/oauth2/status-lists/1'),
      [],
    )
  })
})

test('the type may be in full and in any case, the audience one of several, the clock off', async () => {
  const seconds = Math.floor(now() / 1000)
  await guard.verify(await issuer.token({}, { typ: 'Application/AT+JWT' }))
  await guard.verify(await issuer.token({ aud: ['https://other.example', issuer.issuer] }))
  await guard.verify(await issuer.token({ exp: seconds - 29, iat: seconds + 29 }))
})

test('a remembered token ends with its time, and with the change of a key', async () => {
  const clock = stoppedClock()
  const own = await startIssuer({ now: clock })
  const remembering = createGuard({ issuer: own.issuer, now: clock, unknownKeyCooldown: 0 })
  try {
    const short = await own.token({ exp: Math.floor(clock() / 1000) + 60 })
    const long = await own.token()
    await remembering.verify(short)
    await remembering.verify(long)
    clock.advance(100)
    await assert.rejects(remembering.verify(short), invalid)
    await remembering.verify(long)
    await own.rotate()
    await remembering.verify(await own.token())
    await assert.rejects(remembering.verify(long), invalid)
  } finally {
    remembering.close()
    await own.stop()
  }
})

test('the memory is bounded, and can be turned off', async () => {
  for (const cacheSize of [0, 1]) {
    const small = createGuard({ issuer: issuer.issuer, now, cacheSize })
    const tokens = [await issuer.token(), await issuer.token()]
    for (const token of [...tokens, ...tokens]) assert.equal((await small.verify(token)).claims.iss, issuer.issuer)
    small.close()
  }
})

test('requireStatus: false lets a token without a status in, and still asks for one that has it', async () => {
  const lax = createGuard({ issuer: issuer.issuer, now, requireStatus: false })
  await lax.verify(await issuer.token({ status: undefined }))
  await assert.rejects(lax.verify(await issuer.token({ status: {} })), invalid)
  lax.close()
})

describe('a request', () => {
  test('is known by a fetch Request, by a plain object, and by any case of the scheme', async () => {
    const token = await issuer.token()
    await guard.authenticate(new Request('https://api.example.com', { headers: { Authorization: `Bearer ${token}` } }))
    await guard.authenticate({ headers: { Authorization: `bEARER  ${token}` } })
    await guard.authenticate({ headers: { authorization: [`Bearer ${token}`] } })
  })

  // node-fetch, undici, Jest, Bun: their `Headers` are from another realm.
  test('is known by whatever headers it has', async () => {
    const authorization = `Bearer ${await issuer.token()}`
    const foreign = vm.runInNewContext(`({
      plain: { Authorization: value },
      map: new Map([['X', '1'], ['Authorization', value]]),
      headers: new (class Headers { get(name) { return name.toLowerCase() === 'authorization' ? value : null } })(),
    })`, { value: authorization })
    for (const headers of [
      foreign.plain,
      foreign.map,
      foreign.headers,
      new Map([['authorization', [authorization]]]),
      Object.assign(Object.create(null), { authorization }),
      { get: 'a header of this name', authorization },
      { get: () => authorization },
      { get: () => [authorization] },
    ]) {
      await guard.authenticate({ headers })
      await guard.authenticate({ headers, rawHeaders: ['Host', 'x'] })
    }
  })

  test('with headers of no known shape is a fault of the program, not a missing token', async () => {
    class Unknown {
      authorization = 'Bearer x'
    }
    for (const headers of [undefined, null, 'Bearer x', 1, [], [['authorization', 'Bearer x']], new Unknown(), new Set()])
      await assert.rejects(guard.authenticate({ headers }), TypeError)
    for (const value of [1, {}, [1], true])
      for (const headers of [{ authorization: value }, new Map([['Authorization', value]]), { get: () => value }])
        await assert.rejects(guard.authenticate({ headers }), TypeError)
    await assert.rejects(guard.authenticate(undefined), TypeError)
    await assert.rejects(guard.authenticate('Bearer x'), TypeError)
  })

  test('without a token, or with another scheme, is asked for one', async () => {
    for (const headers of [
      {},
      { authorization: undefined },
      { authorization: 'Basic YTpi' },
      new Headers(),
      new Map(),
      { get: () => null },
      { get: () => undefined },
    ]) {
      await assert.rejects(guard.authenticate({ headers, url: `/?access_token=${await issuer.token()}` }), (denied) => {
        assert.equal(denied.status, 401)
        assert.deepEqual(denied.headers, {
          'Content-Type': 'application/problem+json',
          'WWW-Authenticate': `Bearer realm="${issuer.issuer}"`,
        })
        assert.equal(denied.code, 'missing_token')
        return true
      })
    }
  })

  test('with a malformed or a second credential is refused', async () => {
    const bearer = `Bearer ${await issuer.token()}`
    const twice = new Headers([
      ['Authorization', bearer],
      ['Authorization', bearer],
    ])
    for (const headers of [
      twice,
      { authorization: [bearer, bearer] },
      { authorization: bearer, Authorization: bearer },
      { authorization: 'Bearer' },
      { authorization: 'Bearer ' },
      { authorization: `${bearer} x` },
    ]) {
      await assert.rejects(guard.authenticate({ headers }), invalid)
    }
  })

  test('with two Authorization headers is refused by Node too, which shows only one of them', async () => {
    const bearer = `Bearer ${await issuer.token()}`
    const server = createServer(async (incoming, response) => {
      const user = await guard.authenticate(incoming).catch((denied) => denied)
      response.end(user.code ?? 'let in')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const ask = async (headers) => {
      const [answer] = await once(
        request({ port: server.address().port, host: '127.0.0.1', agent: false, headers }).end(),
        'response',
      )
      return String(await answer.toArray())
    }
    assert.equal(await ask(['Host', 'x', 'Authorization', bearer]), 'let in')
    assert.equal(await ask(['Host', 'x', 'Authorization', bearer, 'authorization', bearer]), 'invalid_token')
    server.close()
  })
})

test('a missing scope is named, and the whole answer is there', async () => {
  const user = await guard.verify(await issuer.token())
  requireScope(user, 'products:write')
  assert.throws(() => requireScope(user, 'products'), refused('insufficient_scope', 403))
  try {
    requireScope(user, 'ad"min')
  } catch (denied) {
    const response = denied.toResponse()
    assert.equal(response.status, 403)
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
    assert.equal(
      response.headers.get('www-authenticate'),
      `Bearer realm="${issuer.issuer}", error="insufficient_scope", scope="ad'min"`,
    )
    assert.deepEqual(await response.json(), {
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      detail: 'The token lacks the scope "ad"min".',
      code: 'insufficient_scope',
    })
  }
})

test('an invalid token is told why', async () => {
  await assert.rejects(guard.verify(await issuer.token({ exp: 1 })), (denied) => {
    assert.equal(
      denied.headers['WWW-Authenticate'],
      `Bearer realm="${issuer.issuer}", error="invalid_token", error_description="The token has expired."`,
    )
    return true
  })
})

test('options that cannot be meant are refused', () => {
  const good = { issuer: 'https://auth.example.com' }
  for (const options of [
    {},
    { issuer: 'auth.example.com' },
    { issuer: 'https://auth.example.com/' },
    { issuer: 'https://auth.example.com/x' },
    { issuer: 'ftp://auth.example.com' },
    { issuer: 'http://auth.example.com' },
    { issuer: 'https://a:b@auth.example.com' },
    { issuer: 'https://auth.example.com?x' },
    { ...good, audience: [] },
    { ...good, audience: '' },
    { ...good, whenStale: 'never' },
    { ...good, leeway: -1 },
    { ...good, leeway: '30' },
    { ...good, cacheSize: NaN },
    { ...good, requireStatus: 'no' },
    { ...good, audiences: 'x' },
    { ...good, baseUrl: 'countersign:8000' },
  ]) {
    assert.throws(() => createGuard(options), TypeError, JSON.stringify(options))
  }
})
