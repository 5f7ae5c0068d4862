// A person whom applications and devices ask for something: every page of an authorization request, of a device, of the
// applications of an account and of sign-out, and the pages that refuse a request. Calls back at each.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { password, startServer } from './support.mjs'

const challenge = createHash('sha256').update('a-verifier-that-is-long-enough-for-rfc-7636-4.1').digest('base64url')
const scheme = 'com.example.notes'

// `settings` are those of the server.
export async function startAsking(settings = {}) {
  const app = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><html lang="en"><title>Notes</title><h1>Notes</h1>')
  }).listen(0)
  await once(app, 'listening')
  const base = `http://notes.localhost:${app.address().port}`
  const client = (id, name, more) => `
[[clients]]
client_id = "${id}"
client_name = "${name}"
public = true
insecure_redirects = true
${more}
`
  const server = await startServer(settings, [
    client('notes', 'Notes', `redirect_uris = ["${base}/callback"]
policy_uri = "https://notes.example.com/privacy"
tos_uri = "https://notes.example.com/terms"`),
    client('desktop', 'Notes for desktop', `redirect_uris = ["${scheme}:/callback"]`),
    client('terminal', 'Notes in the terminal', 'redirect_uris = ["http://127.0.0.1/callback"]'),
    client('tv', 'Television', 'grant_types = ["device_code", "refresh_token"]'),
  ].join(''))
  return {
    server,
    base,
    async stop() {
      app.closeAllConnections()
      app.close()
      await server.stop()
    },
  }
}

export async function beAsked(page, { server, base }, mail, email, at) {
  const ask = (more = {}) => page.goto(`${server.base}/oauth2/authorize?${new URLSearchParams({
    response_type: 'code',
    client_id: 'notes',
    redirect_uri: `${base}/callback`,
    scope: 'openid profile email phone address offline_access',
    state: 'x',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  })}`)
  const send = () => page.locator('main form button:not([type=button])').first().click()
  const press = (value) => page.locator(`button[value=${value}]`).click()
  const arrives = () => page.waitForURL(`${base}/callback**`)

  await ask({ prompt: 'create' })
  await page.waitForURL('**/signup?**')
  await at('sign up for an application')
  await page.fill('#email', email)
  await page.fill('#password', password)
  await send()
  await page.waitForURL('**/verify/code**')
  await at('sign up: code')
  const { link } = await mail.next(email, /\/verify\?/)
  await page.goto(link)
  await send()
  await page.waitForURL('**/done/verified**')

  await ask()
  await at('consent')
  await page.goto(`/signin/other?${new URL(page.url()).search.slice(1)}`)
  await at('another account')
  await ask()
  await press('allow')
  await arrives()
  await ask({ client_id: 'terminal', redirect_uri: 'http://127.0.0.1:8765/callback', scope: 'openid' })
  await at('consent: a program on this computer')
  await ask({ client_id: 'desktop', redirect_uri: `${scheme}:/callback`, scope: 'openid email' })
  await at('consent: an application on this device')
  await ask({ prompt: 'select_account' })
  await at('choose an account')
  await ask({ prompt: 'login' })
  await at('confirm who you are')
  await page.fill('#password', 'not the password')
  await send()
  await at('confirm who you are: refused')
  await page.locator('form[action*="/signin/again/email"] button').click()
  await page.locator('#code').waitFor()
  await at('confirm who you are: code')

  const device = async () => {
    const answer = await fetch(`${server.base}/oauth2/device_authorization`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'tv', scope: 'openid profile email offline_access' }),
    })
    return answer.json()
  }
  await page.goto('/device')
  await at('device')
  await page.fill('#user_code', 'BCDF-GHJK')
  await send()
  await at('device: refused')
  const first = await device()
  await page.goto(first.verification_uri_complete)
  await at('device: code of a link')
  await send()
  await page.waitForURL('**/device/*')
  await at('device: question')
  await press('cancel')
  await page.waitForURL('**/done/**')
  await at('device: canceled')
  const second = await device()
  await page.goto('/device')
  await page.fill('#user_code', second.user_code)
  await send()
  await page.waitForURL('**/device/*')
  await press('allow')
  await page.waitForURL('**/done/**')
  await at('device: connected')

  await page.goto('/account/apps')
  await at('applications')
  while (await page.locator('.app').count()) {
    await page.locator('.app button').first().click()
    await page.waitForURL('**/account/apps?done=withdrew')
  }
  await at('applications: none')

  await ask({ client_id: 'nothing' })
  await at('request refused')
  await page.goto('/authorize/0198c5f0-0000-7000-8000-000000000000')
  await at('request expired')
  await page.goto('/oauth2/logout?client_id=notes&post_logout_redirect_uri=https%3A%2F%2Fevil.example.com')
  await at('sign-out refused')
  await page.goto('/oauth2/logout?client_id=notes')
  await at('sign-out of an application')
  await send()
  await page.waitForURL('**/done/**')
  await ask()
  await page.waitForURL('**/signin?**')
  await at('sign in for an application')
}
