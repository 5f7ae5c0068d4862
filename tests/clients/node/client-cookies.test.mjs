// The browser client in cookie mode: a page on the server's site, in a real browser.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { ask, becomes, goBack, leave, loaded, password, signIn, startBrowser, startWorld, user } from './client-world.mjs'

const MINUTE = 60_000
const TOKEN = 'POST /api/auth/token'
const options = { timeout: 60_000 }

let world, browser, service, context
before(async () => {
  // The strictest browser: no third-party cookies.
  browser = await startBrowser({
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: ['--test-third-party-cookie-phaseout'],
  })
  world = await startWorld({ sameSite: true })
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

const count = (call, ...tabs) => tabs.flatMap((tab) => tab.calls).filter((made) => made === call).length
const all = (tab, requests) => tab.evaluate(([url, requests]) =>
  Promise.all(Array.from({ length: requests }, async () => (await auth.fetch(url)).status)), [service.origin, requests])

test('a user signs up, reloads, calls the service, signs out and in again', options, async () => {
  const { tab, email } = await arrive()
  assert.equal((await ask(tab, service.origin)).status, 200)
  await tab.reload()
  await loaded(tab)
  assert.equal(await tab.evaluate(() => atStart.email), email)
  assert.equal((await ask(tab, service.origin)).status, 200)

  assert.equal(await tab.evaluate(() => outcome(auth.signOut())), null)
  assert.equal(await user(tab), null)
  assert.equal((await ask(tab, service.origin)).code, 'login_required')
  await tab.reload()
  await loaded(tab)
  assert.equal(await user(tab), null)
  assert.equal((await signIn(tab, email)).email, email)
  assert.deepEqual(tab.noise, [])
})

test('a sign-up is one request, and the next requests carry the cookie', options, async () => {
  const tab = await world.open(context)
  tab.calls.length = 0
  const email = newEmail()
  const account = { email, password, name: 'Ada', metadata: { theme: 'dark' } }
  const { user } = await tab.evaluate((account) => outcome(auth.signUp(account)), account)
  assert.deepEqual([user.email, user.name, user.metadata], [email, 'Ada', { theme: 'dark' }])
  assert.deepEqual(tab.calls, ['POST /api/auth/register'])
  // So that the server knows this browser after the password has changed.
  const [request] = await Promise.all([
    tab.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/change-password')),
    tab.evaluate((password) =>
      auth.request('POST', '/api/auth/change-password', { current_password: password, new_password: 'another umbrella' }), password),
  ])
  assert.match((await request.allHeaders()).cookie, /countersign-\d+=csb_.*countersign-device-\d+=csd_|countersign-device-\d+=csd_.*countersign-\d+=csb_/)
  assert.equal(await tab.evaluate(() => auth.reload().then((user) => user.email)), email)
})

test('a script of the page finds no lasting secret', options, async () => {
  const { tab, email } = await arrive()
  const found = await tab.evaluate(async () => [JSON.stringify({ ...localStorage, ...sessionStorage }), document.cookie, await indexedDB.databases()])
  assert.doesNotMatch(found[0], /csr_|eyJ/)
  assert.deepEqual(found.slice(1), ['', []])
  const cookies = await context.cookies()
  assert.ok(cookies.length > 0)
  assert.ok(cookies.every(({ httpOnly, sameSite }) => httpOnly && sameSite === 'Lax'))
  // The profile is forgotten with the session.
  assert.match(found[0], new RegExp(email))
  await tab.evaluate(() => auth.signOut())
  assert.doesNotMatch(await tab.evaluate(() => JSON.stringify({ ...localStorage })), new RegExp(email))
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
    const next = await world.server.register()
    await signIn(two, next.account.email)
    await becomes(one, next.account.email)
    assert.equal((await ask(one, service.origin)).body.id, next.account.id)
    assert.deepEqual(await one.evaluate(() => seen), [null, email, null, next.account.email])
  })
}

test('a token that a tab gets is passed on to the others', options, async () => {
  const { tab } = await arrive()
  const two = await world.open(context)
  await tab.waitForTimeout(200)
  for (const each of [tab, two]) each.calls.length = 0
  const { token } = await tab.evaluate(async () => ({ token: await auth.getToken() }))
  service.refuse = (sent) => sent === token
  assert.deepEqual(new Set(await all(tab, 20)), new Set([200]))
  assert.deepEqual(new Set(await all(two, 20)), new Set([200]))
  assert.equal(count(TOKEN, tab, two), 1)
})

test('100 parallel requests after the token has expired need one new token', options, async () => {
  await context.clock.install()
  const { tab } = await arrive()
  await tab.clock.setSystemTime(Date.now() + 11 * MINUTE)
  assert.deepEqual(new Set(await all(tab, 100)), new Set([200]))
  assert.equal(count(TOKEN, tab), 1)
  assert.equal(service.seen.length, 100)
})

test('100 parallel requests whose token is refused are repeated with one new token', options, async () => {
  const { tab } = await arrive()
  const { token } = await tab.evaluate(async () => ({ token: await auth.getToken() }))
  service.refuse = (sent) => sent === token
  assert.deepEqual(new Set(await all(tab, 100)), new Set([200]))
  assert.equal(count(TOKEN, tab), 1)
  assert.equal(service.seen.length, 200)
})

test('a token is replaced ahead of its end', options, async () => {
  await context.clock.install()
  const { tab } = await arrive()
  const replaced = tab.waitForResponse(/token$/)
  await tab.clock.fastForward(9.1 * MINUTE)
  await replaced
  assert.equal(count(TOKEN, tab), 1)
})

test('a server that restarts or fails signs no one out', options, async () => {
  const { tab, email } = await arrive()
  const { token } = await tab.evaluate(async () => ({ token: await auth.getToken() }))
  service.refuse = (sent) => sent === token
  await world.server.halt()
  assert.equal((await ask(tab, service.origin)).code, 'network')
  assert.equal((await tab.evaluate(() => outcome(auth.signOut()))).code, 'network')
  await tab.reload()
  await loaded(tab)
  assert.equal(await user(tab), email)
  assert.equal((await ask(tab, service.origin)).code, 'network')
  await world.server.start()
  assert.equal((await ask(tab, service.origin)).status, 200)

  for (const status of [500, 502, 503, 429]) {
    await tab.route(/token$/, (route) => route.fulfill({ status, headers: { 'Access-Control-Allow-Origin': world.pages.origin, 'Access-Control-Allow-Credentials': 'true' } }))
    await tab.reload()
    await loaded(tab)
    assert.equal(await user(tab), email)
    assert.equal((await ask(tab, service.origin)).code, `http_${status}`)
    await tab.unroute(/token$/)
  }
  assert.equal((await ask(tab, service.origin)).status, 200)
})

test('a first visit while the server is down: the user appears when it is up', options, async () => {
  const { tab, email } = await arrive()
  await tab.evaluate(() => localStorage.clear())
  await tab.close()
  await world.server.halt()
  const two = await world.open(context)
  assert.equal(await user(two), null)
  await world.server.start()
  await becomes(two, email)
})

test('a session that is revoked elsewhere ends at the next request, in all tabs', options, async () => {
  const { tab, email } = await arrive()
  const two = await world.open(context)
  await world.revoke(email)
  assert.equal((await ask(tab, service.origin)).code, 'login_required')
  await becomes(two, null)
})

test('a page from the back/forward cache notices a sign-out', options, async () => {
  const { tab } = await arrive()
  await leave(tab, world)
  const two = await world.open(context)
  await two.evaluate(() => auth.signOut())
  await goBack(tab)
  await becomes(tab, null)
})

test('a page from the back/forward cache hears other tabs again', options, async () => {
  // By the channel alone.
  await context.addInitScript(() => addEventListener('storage', (event) => event.stopImmediatePropagation()))
  const { tab } = await arrive()
  await leave(tab, world)
  await goBack(tab)
  const two = await world.open(context)
  await two.evaluate(() => auth.signOut())
  await becomes(tab, null)
})

test('offline, the user stays, and the next request works', options, async () => {
  await context.clock.install()
  const { tab, email } = await arrive()
  await context.setOffline(true)
  await tab.clock.setSystemTime(Date.now() + 11 * MINUTE)
  assert.equal((await ask(tab, service.origin)).code, 'network')
  assert.equal(await user(tab), email)
  await context.setOffline(false)
  assert.equal((await ask(tab, service.origin)).status, 200)
})

test('a page of another site falls back to tokens', options, async () => {
  const tab = await world.open(context)
  // As the server answers to a page that looks like one of its site, and is not.
  await tab.route(/token$/, (route) => route.fulfill({
    status: 403,
    headers: { 'Access-Control-Allow-Origin': world.pages.origin, 'Access-Control-Allow-Credentials': 'true' },
    body: '{"code":"origin_not_allowed"}',
  }))
  await tab.reload()
  await loaded(tab)
  const email = newEmail()
  await tab.evaluate((account) => auth.signUp(account), { email, password })
  tab.calls.length = 0
  await tab.reload()
  await loaded(tab)
  assert.equal(await user(tab), email)
  assert.equal((await ask(tab, service.origin)).status, 200)
  assert.equal(count(TOKEN, tab), 0)
})

test('a sign-out on the hosted page reaches the application when it is shown', options, async () => {
  await context.clock.install()
  const { tab } = await arrive()
  const account = await context.newPage()
  await account.goto(`${world.issuer}/signout`)
  await account.locator('main form button:not([type=button])').first().click()
  await account.waitForLoadState()
  await tab.clock.setSystemTime(Date.now() + MINUTE)
  await tab.clock.fastForward(15_000)
  await tab.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
  await becomes(tab, null)
})

test('a confirmed email address signs the browser in', options, async () => {
  const tab = await world.open(context)
  const answers = []
  await tab.route(/verify-email\/confirm$/, (route) => { answers.push(route.request().postDataJSON()); return route.continue() })
  const refused = await tab.evaluate(() => outcome(auth.confirmEmail({ token: 'no such token' })))
  assert.equal(refused.code, 'invalid_code')
  assert.deepEqual(answers, [{ token: 'no such token', session: 'cookie' }])
})
// Fills the form of a hosted page.
async function submit(tab, email) {
  await tab.locator('input[name=email]').fill(email)
  await tab.locator('input[name=password]').fill(password)
  await tab.locator('main form button:not([type=button])').first().click()
}

test('to the hosted page and back, signed in', options, async () => {
  const { account } = await world.server.register()
  const tab = await world.open(context)
  const address = tab.url()
  const two = await world.open(context)
  await tab.evaluate(() => auth.goToSignIn())
  await tab.waitForURL(`${world.issuer}/signin?**`)
  await submit(tab, account.email)
  await tab.waitForURL(address)
  await becomes(tab, account.email)
  assert.equal((await ask(tab, service.origin)).body.id, account.id)
  // The other tab hears of it from the returning page.
  await becomes(two, account.email)
  assert.deepEqual(tab.noise, [])
})

test('to the hosted sign-up and back, signed in', options, async () => {
  const tab = await world.open(context)
  const [address, email] = [tab.url(), newEmail()]
  await tab.evaluate(() => auth.goToSignUp())
  await tab.waitForURL(`${world.issuer}/signup?**`)
  await submit(tab, email)
  // The page asks to confirm the email address, which can wait.
  await tab.getByRole('link', { name: 'Continue to localhost' }).click()
  await tab.waitForURL(address)
  await becomes(tab, email)
})

