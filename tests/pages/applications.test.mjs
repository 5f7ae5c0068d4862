// The session cookie as applications on other host names use it, over https, in a real browser: what their pages, their
// siblings and other sites can do with it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { password, startWholeBrowser, startServer } from './support.mjs'

// `site.example` is one site. Its application and an untrusted sibling are beside the server; `other.example` is another
// site, of which one origin is listed as an application too.
const hosts = ['auth.site.example', 'app.site.example', 'sibling.site.example', 'listed.other.example', 'evil.other.example']
let server, browser, front, port, issuer, app, sibling, listed, evil

before(async () => {
  front = createServer(await certificate(), serve).listen(0, '127.0.0.1')
  await once(front, 'listening')
  port = front.address().port
  ;[issuer, app, sibling, listed, evil] = hosts.map((host) => `https://${host}:${port}`)
  server = await startServer({
    COUNTERSIGN_ISSUER: issuer,
    COUNTERSIGN_APP_ORIGINS: `${app},${listed}`,
    COUNTERSIGN_TRUSTED_PROXIES: '127.0.0.1',
  })
  browser = await startWholeBrowser([`--host-resolver-rules=MAP *.example 127.0.0.1`])
})
after(async () => {
  await browser?.close()
  await server?.stop()
  front?.closeAllConnections()
  front?.close()
})

// A reverse proxy for the server's own host name. The others have an empty page.
function serve(incoming, outgoing) {
  if (incoming.headers.host !== new URL(issuer).host) {
    outgoing.setHeader('content-type', 'text/html')
    return outgoing.end('<!doctype html><title>page</title><h1>page</h1>')
  }
  const headers = { ...incoming.headers, 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' }
  const passed = request(new URL(incoming.url, server.base), { method: incoming.method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.rawHeaders)
    answer.pipe(outgoing)
  })
  passed.on('error', () => outgoing.destroy())
  incoming.pipe(passed)
}

async function certificate() {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-certificate-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const names = hosts.map((host) => `DNS:${host}`).join(',')
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const subject = ['-subj', '/CN=site.example', '-addext', `subjectAltName=${names}`]
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  const read = { key: await readFile(key), cert: await readFile(cert) }
  await rm(folder, { recursive: true })
  return read
}

// A new browser profile, with the account signed in by the application's page.
async function signedIn(email, chromium = browser) {
  const context = await chromium.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  await page.goto(app)
  assert.equal((await call(page, '/register', { email, password })).status, 201)
  const answer = await call(page, '/login', { email, password, session: 'cookie' })
  assert.equal(answer.status, 200, JSON.stringify(answer))
  return { context, page, answer }
}

// Calls the API from a page, as its script sees it.
function call(page, path, body, options = {}) {
  const url = `${issuer}/api/auth${path}`
  return page.evaluate(
    async ([url, body, options]) => {
      const json = body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}
      const answer = await fetch(url, { method: 'POST', credentials: 'include', ...json, ...options }).catch((error) => error)
      if (answer instanceof Error) return { blocked: answer.name }
      const text = await answer.text()
      return { status: answer.status, headers: [...answer.headers.keys()], ...(text && { body: JSON.parse(text) }) }
    },
    [url, body, options],
  )
}

const token = (page) => call(page, '/token')
const codeOf = ({ status, blocked, body }) => blocked ?? (status === 200 ? body.user.email : body.code)

test('an application on the same site signs in, survives a reload, and shares the session with its tabs', { timeout: 120_000 }, async () => {
  const { context, page, answer } = await signedIn('ada@site.example')
  assert.deepEqual(Object.keys(answer.body).toSorted(), ['access_token', 'expires_in', 'token_type', 'user'])
  await page.reload()
  assert.equal(codeOf(await token(page)), 'ada@site.example')
  const second = await context.newPage()
  await second.goto(app)
  const answers = await Promise.all([page, second, page, second].map(token))
  assert.deepEqual(new Set(answers.map(codeOf)), new Set(['ada@site.example']))
  // The hosted pages know the same session.
  const account = await context.newPage()
  await account.goto(`${issuer}/account`)
  assert.equal(new URL(account.url()).pathname, '/account')
  assert.equal((await call(second, '/logout')).status, 204)
  assert.equal(codeOf(await token(page)), 'login_required')
  await account.reload()
  assert.equal(new URL(account.url()).pathname, '/signin')
  await context.close()
})

test('a script on the application’s page finds nothing that outlives it (XSS)', { timeout: 120_000 }, async () => {
  const { context, page, answer } = await signedIn('xss@site.example')
  const found = await page.evaluate(() => document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage))
  assert.equal(found, '{}{}')
  const [cookie] = (await context.cookies(issuer)).filter(({ name }) => name === `__Host-countersign-${port}`)
  const { httpOnly, secure, sameSite, path, domain } = cookie
  assert.deepEqual({ httpOnly, secure, sameSite, path, domain }, { httpOnly: true, secure: true, sameSite: 'Lax', path: '/', domain: 'auth.site.example' })
  assert.ok(!JSON.stringify(answer).includes(cookie.value) && answer.body.expires_in <= 600)
  assert.ok(!answer.headers.includes('set-cookie'))
  await context.close()
})

test('no other page gets a token, or signs the browser in or out (CSRF, SameSite)', { timeout: 120_000 }, async () => {
  const { context, page } = await signedIn('csrf@site.example')
  await call(page, '/register', { email: 'eve@site.example', password })
  const foreign = await context.newPage()
  for (const origin of [sibling, evil, listed]) {
    await foreign.goto(origin)
    const shown = await token(foreign)
    // A listed origin may read the refusal; the others may read nothing.
    assert.equal(codeOf(shown), origin === listed ? 'origin_not_allowed' : 'TypeError', origin)
    for (const path of ['/token', '/logout']) await call(foreign, path, undefined, { mode: 'no-cors' }).catch(() => {})
    const sign = { email: 'eve@site.example', password, session: 'cookie' }
    assert.notEqual((await call(foreign, '/login', sign)).status, 200)
    for (const [path, fields] of [
      ['/logout', {}],
      ['/login', { username: 'eve@site.example', password, session: 'cookie' }],
      ['/token', {}],
    ]) {
      await foreign.goto(origin)
      const loaded = foreign.waitForNavigation()
      await foreign.evaluate(
        ([action, fields]) => {
          const form = Object.assign(document.createElement('form'), { method: 'post', action })
          for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement('input'), { name, value }))
          document.body.append(form)
          form.submit()
        },
        [`${issuer}/api/auth${path}`, fields],
      )
      // Browsers send a sibling's form with the cookie, so the server refuses it. From another site, it has none.
      const expected = path === '/logout' && origin !== sibling ? 401 : 403
      assert.equal((await loaded).status(), expected, `${origin} ${path}`)
    }
    assert.equal(codeOf(await token(page)), 'csrf@site.example', origin)
  }
  await context.close()
})

test('a sibling subdomain cannot replace the cookie (cookie tossing)', { timeout: 120_000 }, async () => {
  const eve = await signedIn('tossed@site.example')
  const planted = (await eve.context.cookies(issuer)).find(({ name }) => name === `__Host-countersign-${port}`).value
  const { context, page } = await signedIn('owner@site.example')
  const foreign = await context.newPage()
  await foreign.goto(sibling)
  const before = (await context.cookies(issuer)).length
  const tossed = await foreign.evaluate(
    ([name, value]) => {
      for (const named of [`__Host-${name}`, `__host-${name}`, `__Secure-${name}`, name]) {
        for (const path of ['/', '/api', '/api/auth/token']) document.cookie = `${named}=${value}; Domain=site.example; Path=${path}; Secure`
      }
      return document.cookie
    },
    [`countersign-${port}`, planted],
  )
  assert.ok(tossed.includes(`countersign-${port}=`), 'names without the prefix can be planted')
  assert.ok((await context.cookies(`${issuer}/api/auth/token`)).length > before)
  assert.equal(codeOf(await token(page)), 'owner@site.example')
  const account = await context.newPage()
  await account.goto(`${issuer}/account`)
  assert.match(await account.locator('main').innerText(), /owner@site\.example/)
  await context.close()
  await eve.context.close()
})

test('with third-party cookies blocked, the same site still works, and a frame on another site does not', { timeout: 120_000 }, async () => {
  const blocking = await startWholeBrowser([`--host-resolver-rules=MAP *.example 127.0.0.1`, '--test-third-party-cookie-phaseout'])
  const { context, page } = await signedIn('blocked@site.example', blocking)
  await page.reload()
  assert.equal(codeOf(await token(page)), 'blocked@site.example')
  // The application in a frame of another site: its requests are third-party.
  const framing = await context.newPage()
  await framing.goto(evil)
  await framing.evaluate((src) => new Promise((loaded) => document.body.append(Object.assign(document.createElement('iframe'), { src, onload: loaded }))), app)
  const frame = framing.frames().find((frame) => frame.url().startsWith(app))
  assert.equal(codeOf(await token(frame)), 'login_required')
  // A listed application of another site gets no token, with or without its cookies.
  await framing.goto(listed)
  assert.equal(codeOf(await token(framing)), 'origin_not_allowed')
  await blocking.close()
})
