// Two applications of different makers, with express-openid-connect: what a person sees who signs in to one, to the other,
// and out of all of it. Calls back at each page.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import express from 'express'
import oidc from 'express-openid-connect'
import session from 'express-session'
import { password, startServer } from './support.mjs'

const secret = 'a secret of an application, long enough'

// `settings` are those of the server.
export async function startApplications(settings = {}) {
  const applications = [await listen('orders', 'Orders'), await listen('photos', 'Photos')]
  const sha256 = createHash('sha256').update(secret).digest('hex')
  const entries = applications.map(({ id, name, base, port }) => `
[[clients]]
client_id = "${id}"
client_name = "${name}"
redirect_uris = ["${base}/callback"]
post_logout_redirect_uris = ["${base}"]
backchannel_logout_uri = "http://127.0.0.1:${port}/backchannel-logout"
secret_sha256 = "${sha256}"
insecure_redirects = true
`)
  const server = await startServer(settings, entries.join(''))
  for (const application of applications) application.handle = handler(application, server.base)
  return {
    server,
    applications,
    async stop() {
      for (const { http } of applications) {
        http.closeAllConnections()
        http.close()
      }
      await server.stop()
    },
  }
}

async function listen(id, name) {
  // When it accepted a logout token.
  const application = { id, name, told: [] }
  application.http = createServer((request, response) => application.handle(request, response)).listen(0)
  await once(application.http, 'listening')
  application.port = application.http.address().port
  application.base = `http://${id}.localhost:${application.port}`
  return application
}

function handler({ id, name, base, told }, issuerBaseURL) {
  const app = express()
  app.use('/backchannel-logout', (request, response, next) => {
    response.on('finish', () => response.statusCode === 204 && told.push(performance.now()))
    next()
  })
  app.use(oidc.auth({
    issuerBaseURL, baseURL: base, clientID: id, clientSecret: secret, secret: randomBytes(32).toString('hex'), authRequired: false,
    authorizationParams: { response_type: 'code', scope: 'openid profile email' },
    idpLogout: true,
    backchannelLogout: { store: new session.MemoryStore() },
  }))
  app.get('/', (request, response) => {
    const { user } = request.oidc
    const content = user ? `<p>Signed in as ${user.email}</p><a href="/logout">Sign out</a>` : '<p>Welcome.</p><a href="/login">Sign in</a>'
    response.send(`<!doctype html><html lang="en"><title>${name}</title><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<style>:root{color-scheme:light dark}body{font:18px system-ui;margin:0}header{padding:16px 24px;background:${id === 'orders' ? '#2f6f4f' : '#7a3f8f'};color:#fff}
main{padding:8px 24px}a{display:inline-block;padding:10px 18px;border:1px solid;border-radius:8px;color:inherit;text-decoration:none}</style>
<header><strong>${name}</strong></header><main>${content}</main>`)
  })
  return app
}

// Another device of the person, on which the account is created.
export async function signUpElsewhere(page, email) {
  await page.goto('/signup')
  await page.fill('#email', email)
  await page.fill('#password', password)
  await page.locator('main form button:not([type=button])').click()
  await page.waitForURL('**/verify/code')
}

// Returns how long it took until each application had heard of the sign-out, in milliseconds.
export async function useApplications(page, { server, applications }, email, at) {
  const [orders, photos] = applications
  const isSignedIn = async ({ base }) => {
    await page.waitForURL(`${base}/`)
    await page.getByText(`Signed in as ${email}`).waitFor()
  }
  const shown = []
  page.on('response', (response) => {
    if (response.request().isNavigationRequest() && response.status() === 200) shown.push(new URL(response.url()).origin)
  })
  const allow = async () => {
    await page.locator('button[value=allow]').click()
  }

  await page.goto(orders.base)
  await at('an application')
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.waitForURL(`${server.base}/signin?**`)
  await at('sign in for it')
  await page.fill('#email', email)
  await page.fill('#password', password)
  await page.locator('main form button:not([type=button])').first().click()
  await page.waitForURL('**/authorize/*')
  await at('allow it')
  await allow()
  await isSignedIn(orders)
  await at('signed in')

  // Again: no page of Countersign on the way.
  shown.length = 0
  await page.goto(`${orders.base}/login`)
  await isSignedIn(orders)
  assert.deepEqual(shown, [orders.base])

  // Another application has to be allowed, without signing in.
  await page.goto(photos.base)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.waitForURL('**/authorize/*')
  await at('allow another one')
  await allow()
  await isSignedIn(photos)
  await at('signed in to both')

  await page.goto(`${server.base}/account/apps`)
  assert.equal(await page.locator('.app').count(), 2)
  await at('what was allowed')
  await page.goto(`${server.base}/account`)
  await page.locator('#sessions-row > summary').click()
  await at('the devices of the account')
  for (const { told } of applications) told.length = 0
  const from = performance.now()
  await page.locator('#sessions-row .more > form button').click()
  await page.waitForURL('**/done/**')
  await at('signed out everywhere')
  const heard = []
  for (const { told, name } of applications) {
    while (told.length === 0) {
      assert.ok(performance.now() - from < 10_000, `${name} was not told`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    heard.push(told[0] - from)
  }
  for (const { base } of applications) {
    await page.goto(base)
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
  }
  return heard
}
