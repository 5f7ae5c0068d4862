// oidc-client-ts 3 in a single-page app: the one of docs/guides/connect-an-application.md, in Chromium.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { decodeJwt } from 'jose'
import { startBrowser } from './client-world.mjs'
import { bundle, openTab, pageClient, recipe, signInOnPages, startPages, withReplaced } from './oauth-pages.mjs'
import { api, startOauthWorld } from './oauth-world.mjs'

let world, shop, other, browser, source
before(async () => {
  ;[shop, other] = [await startPages(), await startPages()]
  world = await startOauthWorld(pageClient(shop.origin) + pageClient(other.origin, 'other'))
  source = withReplaced(await recipe('React (oidc-client-ts)', 'jsx'), { 'https://auth.example.com': world.issuer })
  // For the tests alone.
  source += '\nglobalThis.users = users\n'
  shop.script = await bundle(source)
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await world?.server.stop()
  for (const pages of [shop, other]) pages?.stop()
})

const signIn = (tab) => tab.getByRole('button', { name: 'Sign in' })
const signedIn = (tab) => tab.getByText(`Signed in as ${world.account.email}`).waitFor()
const stored = (tab) => tab.evaluate(async () => {
  const { access_token, refresh_token, id_token } = (await users.getUser()) ?? {}
  return { access_token, refresh_token, id_token }
})
const atToken = (response) => response.url() === `${world.issuer}/oauth2/token` && response.request().method() === 'POST'

async function open(origin = shop.origin) {
  const context = await browser.newContext()
  await context.clock.install()
  const tab = await openTab(context)
  await tab.goto(origin)
  return { context, tab }
}

async function start(tab) {
  await signIn(tab).click()
  await signInOnPages(tab, world.issuer, world.account.email)
  await signedIn(tab)
}

test('sign in, reload, a second tab, refresh in both tabs, sign out', { timeout: 120_000 }, async () => {
  const { context, tab: one } = await open()
  await start(one)
  assert.equal(one.url(), `${shop.origin}/`)
  await one.reload()
  await signedIn(one)
  const two = await openTab(context)
  await two.goto(shop.origin)
  await signedIn(two)

  // Both tabs renew the token before it ends.
  const first = await stored(one)
  const renewed = context.waitForEvent('response', atToken)
  await context.clock.fastForward('09:30')
  assert.equal((await renewed).status(), 200)
  await one.waitForFunction(async (token) => (await users.getUser()).access_token !== token, first.access_token)

  // At the same moment, with the same refresh token: both get a token, and the session lives on.
  const before = await stored(one)
  const held = []
  await context.route(`${world.issuer}/oauth2/token`, (route) => {
    held.push(route)
    if (held.length === 2) for (const each of held) each.continue()
  })
  const both = await Promise.all([one, two].map((tab) => tab.evaluate(async () => (await users.signinSilent()).refresh_token)))
  await context.unroute(`${world.issuer}/oauth2/token`)
  assert.equal(both[0], both[1])
  assert.notEqual(both[0], before.refresh_token)
  await two.evaluate(() => users.signinSilent().then(() => {}))
  await signedIn(two)

  const last = await stored(two)
  // The page is loaded again when the user returns from Countersign.
  const returned = two.waitForResponse(`${shop.origin}/main.js`)
  await two.getByRole('button', { name: 'Sign out' }).click()
  await returned
  assert.equal(two.url(), `${shop.origin}/`)
  for (const tab of [one, two]) await signIn(tab).waitFor()
  const refused = await fetch(`${world.issuer}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'shop', refresh_token: last.refresh_token }),
  })
  assert.deepEqual([refused.status, (await refused.json()).error], [400, 'invalid_grant'])
  // The browser is signed out of Countersign, too.
  await two.goto(`${world.issuer}/account`)
  assert.equal(new URL(two.url()).pathname, '/signin')
  assert.deepEqual([...one.faults, ...two.faults], [])
  await context.close()
})

test('a session that ended elsewhere ends in the page, and a cancelled request leaves it as it was', { timeout: 120_000 }, async () => {
  const { server } = world
  const { account, tokens } = await server.register()
  const { context, tab } = await open()
  await signIn(tab).click()
  await signInOnPages(tab, world.issuer, account.email, 'cancel')
  await tab.waitForURL(`${shop.origin}/`)
  await signIn(tab).click()
  await tab.locator('button[value=allow]').click()
  await tab.getByText(`Signed in as ${account.email}`).waitFor()
  const headers = { Authorization: `Bearer ${tokens.access_token}` }
  assert.equal((await fetch(`${server.base}/api/auth/logout-all`, { method: 'POST', headers })).status, 204)
  await context.clock.fastForward('09:30')
  await signIn(tab).waitFor()
  assert.deepEqual(tab.faults, [])
  await context.close()
})

test('user information, a token for an API, and revocation', { timeout: 120_000 }, async () => {
  const line = '  scope: "openid profile email",\n'
  other.script = await bundle(withReplaced(source, {
    [line]: `${line}  loadUserInfo: true,\n`,
    '"shop"': '"other"',
  }))
  const { context, tab } = await open(other.origin)
  const asked = context.waitForEvent('response', (response) => response.url() === `${world.issuer}/oauth2/userinfo`)
  await start(tab)
  assert.deepEqual([(await asked).status(), (await (await asked).json()).email], [200, world.account.email])

  other.script = await bundle(withReplaced(source, {
    [line]: `  scope: "openid email orders:read",\n  resource: "${api}",\n`,
    '"shop"': '"other"',
  }))
  await tab.evaluate(() => users.removeUser())
  await tab.reload()
  await signIn(tab).click()
  await tab.locator('button[value=allow]').click()
  await signedIn(tab)
  for (const attempt of [1, 2]) {
    const { access_token, id_token } = await stored(tab)
    const { aud, scope } = decodeJwt(access_token)
    assert.equal(aud, api, `attempt ${attempt}`)
    assert.match(scope, /orders:read/, `attempt ${attempt}`)
    assert.equal(decodeJwt(id_token).aud, 'other')
    await tab.evaluate(() => users.signinSilent().then(() => {}))
  }
  const { refresh_token } = await stored(tab)
  await tab.evaluate(() => users.revokeTokens(['refresh_token']))
  const refused = await fetch(`${world.issuer}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'other', refresh_token }),
  })
  assert.equal((await refused.json()).error, 'invalid_grant')
  assert.deepEqual(tab.faults, [])
  await context.close()
})

