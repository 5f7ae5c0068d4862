// The browser client in token mode: a page on another site than the server, in a real browser.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { ask, becomes, goBack, leave, loaded, password, signIn, startBrowser, startWorld, user } from './client-world.mjs'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const REFRESH = 'POST /api/auth/refresh'
const options = { timeout: 60_000 }

let world, browser, service, context
before(async () => {
  browser = await startBrowser({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })
  world = await startWorld({ settings: { COUNTERSIGN_TOKENS__ACCESS_TTL: '10m' } })
  service = world.service
})
after(async () => {
  await browser?.close()
  await world?.stop()
})
beforeEach(async () => {
  await context?.close()
  context = await browser.newContext()
  Object.assign(service, { refuse: () => false, before: async () => {}, redirect: undefined })
  service.seen.length = 0
})

const newEmail = () => `ada-${randomUUID()}@example.com`

// A new user, signed in on a new tab.
async function arrive(how) {
  const tab = await world.open(context, how)
  const email = newEmail()
  assert.equal((await tab.evaluate((account) => outcome(auth.signUp(account)), { email, password })).user?.email, email)
  tab.calls.length = 0
  return { tab, email }
}

const stored = (tab) => tab.evaluate(() => JSON.parse(localStorage.getItem(`countersign:${auth.issuer}`)))
const refreshes = (...tabs) => tabs.flatMap((tab) => tab.calls).filter((call) => call === REFRESH).length

test('a user signs up, calls the service, reloads, signs out and in again', options, async () => {
  const tab = await world.open(context)
  assert.equal(await user(tab), null)
  assert.deepEqual((await ask(tab, service.origin)).code, 'login_required')
  const email = newEmail()
  const signedUp = await tab.evaluate((account) => outcome(auth.signUp(account)), { email, password })
  assert.equal(signedUp.user.email, email)
  assert.equal(signedUp.challenge, null)
  assert.equal((await ask(tab, service.origin)).status, 200)

  await tab.reload()
  await loaded(tab)
  assert.equal(await tab.evaluate(() => atStart.email), email)
  assert.equal((await ask(tab, service.origin)).body.id, signedUp.user.id)
  assert.equal(refreshes(tab), 0)

  assert.equal(await tab.evaluate(() => outcome(auth.signOut())), null)
  assert.equal(await user(tab), null)
  assert.equal(await stored(tab), null)
  assert.equal((await ask(tab, service.origin)).code, 'login_required')
  assert.equal((await signIn(tab, email)).email, email)
  assert.deepEqual(await tab.evaluate(() => seen), [email, null, email])
  assert.deepEqual(tab.noise, [])
  assert.deepEqual(await context.cookies(), [])
})

test('errors have a code, a status and fields', options, async () => {
  const tab = await world.open(context)
  const wrong = await signIn(tab, newEmail())
  assert.equal(wrong.name, 'AuthError')
  assert.deepEqual([wrong.code, wrong.status], ['invalid_credentials', 401])
  const short = await tab.evaluate(() => outcome(auth.signUp({ email: 'nobody', password: 'a' })))
  assert.equal(short.status, 422)
  assert.equal(short.fields.email.code, 'invalid_email')
  assert.equal(short.fields.password.code, 'password_too_short')
  assert.equal(await user(tab), null)
})

for (const without of [[], ['BroadcastChannel']]) {
  test(`two tabs agree on who is signed in, without ${without}`, options, async () => {
    const [one, two] = [await world.open(context, { without }), await world.open(context, { without })]
    const email = newEmail()
    await one.evaluate((account) => auth.signUp(account), { email, password })
    await becomes(two, email)
    assert.equal((await ask(two, service.origin)).status, 200)
    await two.evaluate(() => auth.signOut())
    await becomes(one, null)
    assert.deepEqual(await one.evaluate(() => seen), [null, email, null])
    assert.equal((await ask(one, service.origin)).code, 'login_required')
  })
}

for (const without of [[], ['locks'], ['locks', 'BroadcastChannel']]) {
  test(`two tabs with 100 requests each refresh once when the token has expired, without ${without}`, options, async () => {
    await context.clock.install()
    const { tab: one } = await arrive({ without })
    const two = await world.open(context, { without })
    const before = await stored(one)
    for (const tab of [one, two]) await tab.clock.setSystemTime(Date.now() + 11 * MINUTE)
    const all = (tab) => tab.evaluate((url) =>
      Promise.all(Array.from({ length: 100 }, async () => (await auth.fetch(url)).status)), service.origin)
    const statuses = (await Promise.all([all(one), all(two)])).flat()
    assert.deepEqual(new Set(statuses), new Set([200]))
    assert.equal(refreshes(one, two), 1)
    assert.equal(service.seen.length, 200)
    assert.ok(service.seen.every(({ token }) => token !== before.token))
  })
}

test('100 parallel requests whose token is refused are repeated after one refresh', options, async () => {
  const { tab } = await arrive()
  const { token } = await stored(tab)
  service.refuse = (sent) => sent === token
  const answers = await tab.evaluate((url) =>
    Promise.all(Array.from({ length: 100 }, async (_, n) => (await auth.fetch(url, { method: 'POST', body: `${n}` })).json())), service.origin)
  assert.deepEqual(answers.map(({ body }) => body), Array.from({ length: 100 }, (_, n) => `${n}`))
  assert.equal(refreshes(tab), 1)
  assert.equal(service.seen.filter((request) => request.token === token).length, 100)
  assert.equal(service.seen.length, 200)
})

test('a service that refuses every token causes one refresh', options, async () => {
  const { tab } = await arrive()
  service.refuse = () => true
  for (let n = 0; n < 5; n++) assert.equal((await ask(tab, service.origin)).status, 401)
  assert.equal(refreshes(tab), 1)
  assert.equal(service.seen.length, 6)
})

test('a token is refreshed ahead of its end, and a request during that does not wait', options, async () => {
  await context.clock.install()
  const { tab } = await arrive()
  await tab.clock.runFor(8 * MINUTE)
  assert.equal(refreshes(tab), 0)
  const refreshed = tab.waitForResponse(/refresh$/)
  await tab.clock.fastForward(1.1 * MINUTE)
  await refreshed
  assert.equal((await ask(tab, service.origin)).status, 200)
  assert.equal(refreshes(tab), 1)

  // The refresh hangs, and the old token is still valid.
  await tab.route(/refresh$/, () => {})
  await tab.clock.fastForward(9.1 * MINUTE)
  assert.equal((await ask(tab, service.origin)).status, 200)
})

test('a lifetime that is longer than any timer', options, async () => {
  await context.clock.install()
  await context.addInitScript(() => {
    const { setTimeout } = globalThis
    globalThis.timers = []
    globalThis.setTimeout = (work, delay) => (timers.push(delay), setTimeout(work, delay))
  })
  await context.route(/login$/, async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, json: { ...(await response.json()), expires_in: (60 * DAY) / 1000 } })
  })
  const { tab } = await arrive()
  for (let days = 0; days < 50; days += 10) await tab.clock.fastForward(10 * DAY)
  assert.equal(refreshes(tab), 0)
  const delays = await tab.evaluate(() => timers)
  assert.ok(Math.max(...delays) < 2 ** 31, `${delays}`)
  assert.ok(delays.length < 20, `${delays}`)
  const refreshed = tab.waitForResponse(/refresh$/)
  await tab.clock.fastForward(5 * DAY)
  await refreshed
})

const hide = (tab, hidden) => tab.evaluate((hidden) => {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })
  document.dispatchEvent(new Event('visibilitychange'))
}, hidden)

test('a hidden tab refreshes when it is shown again', options, async () => {
  await context.clock.install()
  const { tab } = await arrive()
  await hide(tab, true)
  await tab.clock.fastForward(9.5 * MINUTE)
  // Later than the refresh would be.
  assert.equal((await ask(tab, service.origin)).status, 200)
  await tab.waitForTimeout(500)
  assert.equal(refreshes(tab), 1, 'the one of the request')
  await tab.clock.fastForward(9.5 * MINUTE)
  await tab.waitForTimeout(500)
  assert.equal(refreshes(tab), 1)
  const refreshed = tab.waitForResponse(/refresh$/)
  await hide(tab, false)
  await refreshed
})

test('sleep: the clock moved on, but no timer has run', options, async () => {
  await context.clock.install()
  const { tab, email } = await arrive()
  await tab.clock.setSystemTime(Date.now() + 3 * DAY)
  const answers = await tab.evaluate((url) =>
    Promise.all(Array.from({ length: 10 }, async () => (await auth.fetch(url)).status)), service.origin)
  assert.deepEqual(new Set(answers), new Set([200]))
  assert.equal(refreshes(tab), 1)
  assert.equal(await user(tab), email)
})

for (const hours of [-1, 1, 24 * 365]) {
  test(`a clock that is ${hours} hours wrong changes nothing`, options, async () => {
    await context.clock.install({ time: Date.now() + hours * 60 * MINUTE })
    const { tab, email } = await arrive()
    for (let n = 0; n < 5; n++) assert.equal((await ask(tab, service.origin)).status, 200)
    await tab.reload()
    await loaded(tab)
    for (let n = 0; n < 5; n++) assert.equal((await ask(tab, service.origin)).status, 200)
    assert.equal(await user(tab), email)
    assert.equal(refreshes(tab), 0)
  })
}

for (const hours of [-1, 1]) {
  test(`a clock that is set by ${hours} hours causes one refresh at most`, options, async () => {
    await context.clock.install()
    const { tab, email } = await arrive()
    await tab.clock.setSystemTime(Date.now() + hours * 60 * MINUTE)
    for (let n = 0; n < 5; n++) assert.equal((await ask(tab, service.origin)).status, 200)
    assert.equal(refreshes(tab), hours > 0 ? 1 : 0)
    assert.equal(await user(tab), email)
    // Set back, so that the age of the token is unknown; the end of the monotonic lifetime still counts.
    if (hours < 0) {
      await tab.clock.fastForward(11 * MINUTE)
      assert.equal((await ask(tab, service.origin)).status, 200)
      assert.equal(refreshes(tab), 1)
    }
  })
}

test('a server that restarts or fails signs no one out', options, async () => {
  await context.clock.install()
  const { tab, email } = await arrive()
  await world.server.halt()
  // The token is valid, and the service needs no server to check it.
  assert.equal((await ask(tab, service.origin)).status, 200)
  await tab.clock.setSystemTime(Date.now() + 11 * MINUTE)
  const down = await ask(tab, service.origin)
  assert.deepEqual([down.name, down.code, down.status], ['AuthError', 'network', 0])
  assert.equal(await user(tab), email)
  await tab.reload()
  await loaded(tab)
  assert.equal(await user(tab), email)
  await world.server.start()
  assert.equal((await ask(tab, service.origin)).status, 200)
  assert.equal(await user(tab), email)
})

test('no response but the right one ends a session', options, async () => {
  const { tab, email } = await arrive()
  const { token } = await stored(tab)
  service.refuse = (sent) => sent === token
  const cors = { 'Access-Control-Allow-Origin': world.pages.origin, 'Access-Control-Expose-Headers': 'Retry-After' }
  const responses = [
    [{ status: 500, body: '<h1>Internal Server Error</h1>' }, 'http_500'],
    [{ status: 502, body: 'Bad Gateway' }, 'http_502'],
    [{ status: 503, body: '{"code":"unavailable","detail":"No database."}' }, 'unavailable'],
    [{ status: 401, body: 'A proxy wants a password.' }, 'http_401'],
    [{ status: 403, body: '{"code":"origin_not_allowed"}' }, 'origin_not_allowed'],
    [{ status: 200, body: '<h1>Welcome to the hotel</h1>' }, 'invalid_response'],
    [{ status: 200, body: '{}' }, 'invalid_response'],
    [{ status: 302, headers: { ...cors, Location: 'https://hotel.example' } }, 'network'],
  ]
  for (const [response, code] of responses) {
    await tab.route(/refresh$/, (route) => route.fulfill({ headers: cors, ...response }))
    const answer = await ask(tab, service.origin)
    assert.equal(answer.code, code)
    assert.equal(await user(tab), email)
    await tab.unroute(/refresh$/)
  }

  let tries = 0
  await tab.route(/refresh$/, (route) => (tries++, route.fulfill({ status: 429, headers: { ...cors, 'Retry-After': '7' }, body: '{"code":"rate_limited"}' })))
  for (let n = 0; n < 5; n++) {
    const { code, retryAfter } = await ask(tab, service.origin)
    assert.deepEqual([code, retryAfter], ['rate_limited', 7])
  }
  assert.equal(tries, 1)
  await tab.unroute(/refresh$/)
  assert.equal(await user(tab), email)
})

test('a refresh whose response is lost is repeated', options, async () => {
  const { tab, email } = await arrive()
  const { token } = await stored(tab)
  service.refuse = (sent) => sent === token
  await tab.route(/refresh$/, async (route) => { await route.fetch(); await route.abort() })
  assert.equal((await ask(tab, service.origin)).code, 'network')
  await tab.unroute(/refresh$/)
  assert.equal((await ask(tab, service.origin)).status, 200)
  assert.equal(await user(tab), email)
})

test('a failed refresh is tried again without a request', options, async () => {
  const { tab, email } = await arrive()
  const { token } = await stored(tab)
  service.refuse = (sent) => sent === token
  await tab.route(/refresh$/, (route) => route.abort())
  assert.equal((await ask(tab, service.origin)).code, 'network')
  await tab.unroute(/refresh$/)
  await tab.waitForFunction((token) => JSON.parse(localStorage.getItem(`countersign:${auth.issuer}`)).token !== token, token)
  assert.equal(await user(tab), email)
})

test('a session that is revoked elsewhere ends at the next request, in all tabs', options, async () => {
  const { tab, email } = await arrive()
  const two = await world.open(context)
  await world.revoke(email)
  assert.equal((await ask(tab, service.origin)).code, 'login_required')
  assert.equal(await user(tab), null)
  await becomes(two, null)
  assert.equal(await stored(tab), null)
})

test('a session that is revoked elsewhere ends when the page loads', options, async () => {
  const { tab, email } = await arrive()
  await world.revoke(email)
  await tab.reload()
  await becomes(tab, null)
})

test('offline, the user stays, and the next request works', options, async () => {
  await context.clock.install()
  const { tab, email } = await arrive()
  await context.setOffline(true)
  await tab.clock.setSystemTime(Date.now() + 11 * MINUTE)
  assert.equal((await ask(tab, service.origin)).code, 'network')
  assert.equal(await user(tab), email)
  // No timer of a hidden tab tries again.
  await hide(tab, true)
  const refreshed = tab.waitForResponse(/refresh$/)
  await context.setOffline(false)
  await refreshed
  assert.equal((await ask(tab, service.origin)).status, 200)
})

test('signing out without a connection forgets the session', options, async () => {
  const { tab } = await arrive()
  await context.setOffline(true)
  assert.equal(await tab.evaluate(() => outcome(auth.signOut())), null)
  assert.equal(await user(tab), null)
  assert.equal(await stored(tab), null)
})

test('a page from the back/forward cache notices a sign-out', options, async () => {
  const { tab } = await arrive()
  await leave(tab, world)
  const two = await world.open(context)
  await two.evaluate(() => auth.signOut())
  await goBack(tab)
  await becomes(tab, null)
})

test('a page from the back/forward cache notices a revocation at once', options, async () => {
  const { tab, email } = await arrive()
  await leave(tab, world)
  await world.revoke(email)
  await goBack(tab)
  await becomes(tab, null)
})

test('tokens are sent to named origins only', options, async () => {
  const { tab } = await arrive()
  const port = new URL(service.origin).port
  for (const url of [`http://localhost:${port}/`, `http://127.0.0.1.example:${port}/`, '/own', 'https://example.com', service.origin.replace('127.0.0.1', '127.1.1.1')])
    assert.equal((await ask(tab, url)).code, 'origin_not_allowed', url)
  assert.equal(service.seen.length, 0)
  // Both URLs mean the named origin.
  for (const url of [`http://user:secret@127.0.0.1:${port}/`, `http://127.1:${port}`])
    assert.match(`${(await ask(tab, url)).status ?? 0}`, /200|0/, url)
  assert.equal((await ask(tab, `${world.issuer}/api/auth/me`)).status, 200)
})

test('a token never follows a redirect', options, async () => {
  const { tab } = await arrive()
  service.redirect = `${service.origin}/elsewhere`
  for (const redirect of [undefined, 'follow', 'error']) {
    const answer = await ask(tab, service.origin, { redirect })
    assert.equal(answer.code, 'redirected')
  }
  assert.equal(await tab.evaluate(async (url) => (await auth.fetch(url, { redirect: 'manual' })).type, service.origin), 'opaqueredirect')
  assert.ok(service.seen.every(({ url }) => url === '/'))
})

test('a request is not repeated as another user', options, async () => {
  const { tab } = await arrive()
  const two = await world.open(context)
  const other = await world.server.register()
  const { token } = await stored(tab)
  service.refuse = (sent) => sent === token
  // While the request is under way, the other user signs in on the other tab.
  service.before = async () => {
    service.before = async () => {}
    await signIn(two, other.account.email)
    await becomes(tab, other.account.email)
  }
  assert.equal((await ask(tab, service.origin, { method: 'POST', body: 'delete' })).code, 'login_required')
  assert.equal(service.seen.length, 1)
})

test('signing in as someone else ends the previous session', options, async () => {
  const { tab } = await arrive()
  const { token } = await stored(tab)
  const other = await world.server.register()
  const left = tab.waitForResponse(/logout$/)
  await signIn(tab, other.account.email)
  await left
  assert.equal((await world.api('GET', '/api/auth/me', { token })).status, 401)
  assert.equal((await ask(tab, service.origin)).body.id, other.account.id)
})

test('a refresh that ends after a sign-out brings no one back', options, async () => {
  const { tab } = await arrive({ without: ['locks'] })
  const two = await world.open(context, { without: ['locks'] })
  const { token } = await stored(tab)
  service.refuse = (sent) => sent === token
  let answer
  const reached = new Promise((resolve) => tab.route(/refresh$/, async (route) => {
    const response = await route.fetch()
    resolve()
    await new Promise((go) => { answer = go })
    await route.fulfill({ response })
  }))
  const asked = ask(tab, service.origin)
  await reached
  // As if the lease had been lost.
  await two.evaluate(() => { localStorage.removeItem(`countersign:${auth.issuer}:lock`); return auth.signOut() })
  await becomes(tab, null)
  answer()
  assert.equal((await asked).code, 'login_required')
  assert.equal(await user(tab), null)
  assert.equal(await stored(tab), null)
})

test('without a usable storage, the session lasts as long as the page', options, async () => {
  await context.addInitScript(() => {
    Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }
  })
  const { tab, email } = await arrive()
  const { token } = await tab.evaluate(async () => ({ token: await auth.getToken() }))
  service.refuse = (sent) => sent === token
  assert.equal((await ask(tab, service.origin)).status, 200)
  assert.equal(await user(tab), email)

  const blocked = await browser.newContext()
  await blocked.addInitScript(() => Object.defineProperty(globalThis, 'localStorage', { get() { throw new DOMException('blocked', 'SecurityError') } }))
  const page = await world.open(blocked)
  assert.equal((await signIn(page, email)).email, email)
  assert.equal((await ask(page, service.origin)).status, 200)
  await blocked.close()
})

test('another storage, also an asynchronous one', options, async () => {
  const tab = await world.open(context)
  const email = newEmail()
  const result = await tab.evaluate(async ([issuer, email, password, service]) => {
    const { createClient } = await import('/client/index.js')
    const items = {}
    const slow = (work) => new Promise((resolve) => setTimeout(() => resolve(work()), 20))
    const storage = {
      getItem: (key) => slow(() => items[key] ?? null),
      setItem: (key, value) => slow(() => { items[key] = value }),
      removeItem: (key) => slow(() => { delete items[key] }),
    }
    const first = createClient(issuer, { storage, origins: [service] })
    await first.signUp({ email, password })
    const status = (await first.fetch(service)).status
    first.close()
    await slow(() => {})
    const second = createClient(issuer, { storage, origins: [service] })
    const unknown = second.user
    await second.ready
    const known = second.user.email
    await second.signOut()
    await slow(() => {})
    return [status, unknown, known, Object.keys(items), localStorage.length]
  }, [world.issuer, email, password, service.origin])
  assert.deepEqual(result, [200, null, email, [], 0].map((value, n) => (n === 1 ? undefined : value)))
})

test('third-party cookies do not matter', options, async () => {
  const strict = await startBrowser({ args: ['--test-third-party-cookie-phaseout', '--block-third-party-cookies'] })
  const page = await world.open(await strict.newContext())
  const email = newEmail()
  await page.evaluate((account) => auth.signUp(account), { email, password })
  await page.reload()
  await loaded(page)
  assert.equal(await user(page), email)
  assert.equal((await ask(page, service.origin)).status, 200)
  await strict.close()
})

test('hosted pages need a server on the same site', options, async () => {
  const { tab } = await arrive()
  assert.equal((await tab.evaluate(() => outcome(auth.goToSignIn()))).code, 'not_same_site')
})

test('cookie mode on another site is refused, and says so', options, async () => {
  const tab = await world.open(context, { options: { mode: 'cookie' } })
  const other = await world.server.register()
  const answer = await signIn(tab, other.account.email)
  assert.deepEqual([answer.code, answer.status], ['origin_not_allowed', 403])
  assert.deepEqual(await context.cookies(), [])
})
