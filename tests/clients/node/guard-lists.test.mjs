// The status lists: immediate revocation, and what happens if they are unavailable.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { deflateSync } from 'node:zlib'
import { createGuard, Denied } from '@countersign/guard'
import { eventually, LIST_LIFETIME, startIssuer, stoppedClock, TTL } from './guard-issuer.mjs'

const LIST = '/oauth2/status-lists/1'
const refused = (code) => (error) => error instanceof Denied && error.code === code
const codeOf = (guard, token) =>
  guard.verify(token).then(
    () => 'let in',
    (error) => error.code,
  )
const bit = (idx, uri) => ({ status: { status_list: { idx, uri } } })

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
describe('the status lists', { concurrency: true }, () => {
  check('a revocation arrives by the poll that was held for it', async ({ issuer, build }) => {
    const guard = build()
    const token = await issuer.token()
    const other = await issuer.token(bit(8, issuer.listUri(1)))
    await guard.verify(token)
    await eventually(() => issuer.held.size === 1)
    assert.deepEqual(issuer.requests.at(-1), {
      ...issuer.requests.at(-1),
      path: LIST,
      prefer: 'wait=30',
      etag: '"1-1"',
    })
    issuer.revoke(7)
    await eventually(async () => (await codeOf(guard, token)) === 'invalid_token')
    await guard.verify(other)
    await eventually(() => issuer.held.size === 1)
    issuer.revoke(8)
    await eventually(async () => (await codeOf(guard, other)) === 'invalid_token')
    assert.equal(issuer.count(LIST, { held: false }), 1)
  })

  check('a token that is revoked already is refused at its first use', async ({ issuer, build }) => {
    issuer.revoke(7)
    await assert.rejects(build().verify(await issuer.token()), refused('invalid_token'))
  })

  check('an older version is ignored: what was revoked stays so', async ({ issuer, build }) => {
    const guard = build()
    const token = await issuer.token()
    issuer.revoke(7)
    await assert.rejects(guard.verify(token), refused('invalid_token'))
    await eventually(() => issuer.held.size === 1)
    Object.assign(issuer.list(), { version: 1, bytes: Buffer.alloc(16) })
    issuer.wake()
    const asked = issuer.count(LIST)
    await eventually(() => issuer.count(LIST) > asked + 1)
    await assert.rejects(guard.verify(token), refused('invalid_token'))
  })

  check('what was revoked stays so while the issuer dies and comes back', async ({ issuer, build }) => {
    const guard = build()
    const token = await issuer.token()
    const other = await issuer.token(bit(8, issuer.listUri(1)))
    issuer.revoke(7)
    await assert.rejects(guard.verify(token), refused('invalid_token'))
    await issuer.stop()
    await assert.rejects(guard.verify(token), refused('invalid_token'))
    issuer.revoke(8)
    await guard.verify(other)
    await issuer.start()
    await eventually(async () => (await codeOf(guard, other)) === 'invalid_token')
    await assert.rejects(guard.verify(token), refused('invalid_token'))
  })

  check(
    'serve_until_expiry: the list in hand serves until it ends, then 503, then again',
    async ({ issuer, now, build }) => {
      const guard = build()
      const token = await issuer.token()
      await guard.verify(token)
      await issuer.stop()
      now.advance(LIST_LIFETIME)
      await guard.verify(token)
      now.advance(31)
      await assert.rejects(guard.verify(token), refused('unavailable'))
      await issuer.start()
      await eventually(async () => (await codeOf(guard, token)) === 'let in')
    },
  )

  check('fail_closed: 503 as soon as the list is older than its ttl and the grace', async ({ issuer, now, build }) => {
    const guard = build({ whenStale: 'fail_closed' })
    const token = await issuer.token()
    await guard.verify(token)
    await issuer.stop()
    now.advance(TTL + 10)
    await guard.verify(token)
    now.advance(1)
    await assert.rejects(guard.verify(token), refused('unavailable'))
    now.advance(-2 * TTL - 22)
    await assert.rejects(guard.verify(token), refused('unavailable'), 'a clock that was set back makes no list young')
    now.advance(2 * TTL + 22)
    await issuer.start()
    await eventually(async () => (await codeOf(guard, token)) === 'let in')
  })

  check('a 304 makes the list young again', async ({ issuer, now, build }) => {
    const guard = build({ whenStale: 'fail_closed' })
    const token = await issuer.token()
    await guard.verify(token)
    await eventually(() => issuer.held.size === 1)
    now.advance(TTL + 11)
    await assert.rejects(guard.verify(token), refused('unavailable'))
    // Like a server whose hold has timed out.
    issuer.instead.set(LIST, (_, response) => response.writeHead(304).end())
    issuer.wake()
    await eventually(async () => (await codeOf(guard, token)) === 'let in')
  })

  check(
    'fail_open: lets in, also with no list at all, but not what is known to be revoked',
    async ({ issuer, now, build }) => {
      const guard = build({ whenStale: 'fail_open' })
      const token = await issuer.token()
      const other = await issuer.token(bit(8, issuer.listUri(1)))
      issuer.revoke(8)
      await guard.verify(token)
      await issuer.stop()
      now.advance(LIST_LIFETIME + 31)
      await guard.verify(token)
      await assert.rejects(guard.verify(other), refused('invalid_token'))
      await guard.verify(await issuer.token(bit(1, issuer.listUri(2))))
    },
  )

  check('without a list, 503 unless told to fail open, and many wait for one fetch', async ({ issuer, build }) => {
    issuer.instead.set(LIST, (_, response) => response.writeHead(404).end())
    const guard = build()
    const tokens = await Promise.all(Array.from({ length: 100 }, (_, idx) => issuer.token(bit(idx, issuer.listUri(1)))))
    const answers = await Promise.all(tokens.map((token) => codeOf(guard, token)))
    assert.deepEqual(new Set(answers), new Set(['unavailable']))
    assert.equal(await codeOf(build({ whenStale: 'fail_open' }), tokens[0]), 'let in')
    issuer.instead.clear()
    await eventually(async () => (await codeOf(guard, tokens[0])) === 'let in')
  })

  check('an index outside of the list is refused, whatever the policy', async ({ issuer, build }) => {
    const token = await issuer.token(bit(128, issuer.listUri(1)))
    for (const whenStale of ['serve_until_expiry', 'fail_open', 'fail_closed']) {
      await assert.rejects(build({ whenStale }).verify(token), refused('invalid_token'))
    }
    await build().verify(await issuer.token(bit(127, issuer.listUri(1))))
  })

  const zip = (bytes) => deflateSync(bytes).toString('base64url')
  const bad = {
    'of another issuer': { iss: 'https://evil.example' },
    'of another address': { sub: 'https://evil.example/1' },
    'that has expired': { exp: 1 },
    'without an end': { exp: undefined },
    'without a version': { version: undefined },
    'without a ttl': { ttl: undefined },
  }
  for (const [name, claims] of Object.entries(bad)) {
    check(`a list ${name} is none`, async ({ issuer, build }) => {
      issuer.list().claims = claims
      await assert.rejects(build().verify(await issuer.token()), refused('unavailable'))
    })
  }

  const unreadable = {
    'without an array': { status_list: undefined },
    'without its bytes': { status_list: { bits: 1 } },
    'in base64 with padding': { status_list: { bits: 1, lst: deflateSync(Buffer.alloc(16)).toString('base64') } },
    'that is a bomb': { status_list: { bits: 1, lst: zip(Buffer.alloc(17 * 1024 * 1024)) } },
    'that is not compressed': { status_list: { bits: 1, lst: 'AAAA' } },
    'with something behind its end': {
      status_list: {
        bits: 1,
        lst: Buffer.concat([deflateSync(Buffer.alloc(16)), Buffer.from('x')]).toString('base64url'),
      },
    },
    'that is cut off': {
      status_list: { bits: 1, lst: deflateSync(Buffer.alloc(16)).subarray(0, -2).toString('base64url') },
    },
  }
  for (const [name, claims] of Object.entries(unreadable)) {
    check(`with a list ${name}, all tokens are refused, whatever the policy`, async ({ issuer, build }) => {
      issuer.list().claims = claims
      for (const whenStale of ['serve_until_expiry', 'fail_open', 'fail_closed'])
        assert.equal(await codeOf(build({ whenStale }), await issuer.token()), 'invalid_token')
    })
  }

  check(
    'with a list of a number of bits other than 1, 2, 4 or 8, all tokens are refused, whatever the policy',
    async ({ issuer, build }) => {
      for (const bits of [0, 3, 16, '1', undefined]) {
        issuer.list().claims = { status_list: { bits, lst: zip(Buffer.alloc(16)) } }
        assert.equal(await codeOf(build({ whenStale: 'fail_open' }), await issuer.token()), 'invalid_token')
      }
    },
  )

  check('a status of two, four and eight bits is read, and any but 0 is refused', async ({ issuer, build }) => {
    for (const [bits, byte, idx] of [
      [2, 0b10_00_00_00, 3],
      [4, 0b0100_0000, 1],
      [8, 3, 0],
    ]) {
      issuer.list().claims = { status_list: { bits, lst: zip(Buffer.from([byte, 0])) } }
      const guard = build()
      assert.equal(await codeOf(guard, await issuer.token(bit(idx, issuer.listUri(1)))), 'invalid_token')
      assert.equal(await codeOf(guard, await issuer.token(bit(idx + 1, issuer.listUri(1)))), 'let in')
    }
  })

  check('a list of more than 4 MiB on the wire is not read to its end', async ({ issuer, build }) => {
    let sent = 0
    issuer.instead.set(LIST, (_, response) => {
      const more = () => {
        while (!response.destroyed && sent < 2 ** 30) {
          sent += 65_536
          if (!response.write(Buffer.alloc(65_536, 'a'))) return response.once('drain', more)
        }
        return undefined
      }
      more()
    })
    await assert.rejects(build().verify(await issuer.token()), refused('unavailable'))
    assert.ok(sent < 2 ** 30)
  })

  check('a server that does not hold is asked with pauses that grow', async ({ issuer, build }) => {
    const guard = build()
    issuer.instead.set(LIST, async (request, response) => {
      if (request.headers['if-none-match']) return response.writeHead(304).end()
      return response.writeHead(200, { ETag: '"1"' }).end(await issuer.signedList())
    })
    await guard.verify(await issuer.token())
    await eventually(() => issuer.count(LIST) >= 5)
    const times = issuer.requests.filter(({ path }) => path === LIST).map(({ at }) => at)
    // The first is the list itself; the next ones contain no change. Timers may be early by about a millisecond.
    for (const [number, least] of [150, 300, 600].entries()) {
      const pause = times[number + 2] - times[number + 1]
      assert.ok(pause >= least - 5, `pause ${number} was ${pause} ms`)
    }
  })

  check(
    'at most 64 lists are followed; the one that was not named for longest goes',
    async ({ issuer, now, build }) => {
      const guard = build()
      const tokens = []
      for (let number = 1; number <= 100; number++) {
        now.advance(1)
        tokens.push(await issuer.token(bit(1, issuer.listUri(number))))
        await guard.verify(tokens.at(-1))
      }
      await eventually(() => issuer.held.size === 64)
      // All at once, too: the tokens are cached but their lists are not.
      await Promise.all(tokens.slice(1, 31).map((token) => guard.verify(token)))
      await eventually(() => issuer.held.size === 64)
      const plain = () => issuer.count(LIST, { held: false })
      assert.equal(plain(), 1)
      await guard.verify(await issuer.token())
      assert.equal(plain(), 2)
    },
  )

  check('a list that no token has named for an hour is dropped', async ({ issuer, now, build }) => {
    const guard = build()
    await guard.verify(await issuer.token())
    await eventually(() => issuer.held.size === 1)
    // Retried if the token arrived before the guard noticed that its poll had ended.
    for (let idx = 8; issuer.count(LIST, { held: false }) === 1; idx++) {
      now.advance(3600)
      issuer.revoke(idx)
      await pause(50)
      await guard.verify(await issuer.token())
      await eventually(() => issuer.held.size === 1)
    }
  })

  check(
    'baseUrl: everything of the issuer is asked for there, and nothing under its own name',
    async ({ issuer, build }) => {
      const guard = build({ issuer: 'http://countersign.invalid', baseUrl: `${issuer.base}/` })
      issuer.issuer = 'http://countersign.invalid'
      const token = await issuer.token()
      await guard.verify(token)
      issuer.revoke(7)
      await eventually(async () => (await codeOf(guard, token)) === 'invalid_token')
    },
  )

  check('after close nothing is asked any more, and what is in hand serves', async ({ issuer, build }) => {
    const guard = build()
    const token = await issuer.token()
    await guard.verify(token)
    await eventually(() => issuer.held.size === 1)
    guard.close()
    await eventually(() => issuer.held.size === 0)
    const asked = issuer.requests.length
    await guard.verify(token)
    await assert.rejects(guard.verify(await issuer.token(bit(1, issuer.listUri(2)))), refused('unavailable'))
    assert.equal(issuer.requests.length, asked)
  })

  check('a guard that polls does not keep its process alive, and one that is waited for does', async ({ issuer }) => {
    issuer.now = Date.now
    const script = `
      import { createGuard } from '@countersign/guard'
      const guard = createGuard({ issuer: '${issuer.issuer}' })
      console.log((await guard.verify('${await issuer.token()}')).claims.iss)`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [printed, [code]] = await Promise.all([child.stdout.toArray(), once(child, 'exit')])
    assert.equal(String(printed).trim(), issuer.issuer)
    assert.equal(code, 0)
  })
})
