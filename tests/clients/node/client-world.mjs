// An application in a real browser: its page with the browser client, its API behind the guard, and a Countersign server.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createGuard, Denied } from '@countersign/guard'
import { chromium } from 'playwright-core'
import { password, startServer } from './server.mjs'

export { password }
const sources = join(import.meta.dirname, 'node_modules/@countersign/client/src')

// What Playwright disables, repeated because only the last such list counts, and the address bar's suggestions, for which Chromium
// starts a renderer in each window.
const disabled = [
  'AimEnabled', 'AvoidCorsURLLoaderRestartOnRedirect', 'AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable', 'HttpsUpgrades', 'LensOverlay', 'MediaRouter', 'NetworkTimeServiceQuerying',
  'OptimizationHints', 'PaintHolding', 'PreconnectToSearch', 'ThirdPartyStoragePartitioning',
  'WebUIOmniboxAimPopup', 'WebUIOmniboxFullPopup', 'WebUIOmniboxPopup',
]

export function startBrowser(options = {}) {
  assert.ok(process.env.CHROMIUM, 'CHROMIUM must name a Chromium; scripts/test clients sets it')
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    ...options,
    args: [
      ...(process.getuid() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-sync',
      `--disable-features=${disabled}`,
      ...(options.args ?? []),
    ],
  })
}

// The page of an application, at `host`, with a client of the server `issuer`.
export async function startPages(host = '127.0.0.1') {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://page')
    if (pathname.startsWith('/client/')) {
      response.setHeader('Content-Type', 'text/javascript')
      return response.end(await readFile(join(sources, pathname.slice(8))).catch(() => ''))
    }
    response.setHeader('Content-Type', 'text/html')
    response.end(pathname === '/empty' ? '<title>Empty</title>' : page)
  })
  return { origin: await listen(server, host), stop: () => close(server) }
}

// The configuration is in the fragment, so that a reload keeps it.
const page = `<!doctype html><title>An application</title><script type="module">
  const { issuer, options, without = [] } = JSON.parse(decodeURIComponent(location.hash.slice(1)))
  for (const name of without) name === 'locks'
    ? Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })
    : delete globalThis[name]
  const { createClient } = await import('/client/index.js')
  globalThis.auth = createClient(issuer, options)
  globalThis.atStart = auth.user
  globalThis.seen = []
  auth.onChange((user) => seen.push(user && user.email))
  // The outcome of a promise, also of one that fails.
  globalThis.outcome = (promise) => promise.then(
    async (value) => value instanceof Response ? { status: value.status, body: await value.json().catch(() => null) } : value ?? null,
    ({ name, code, status, fields, retryAfter, message }) => ({ name, code, status, fields, retryAfter, message }))
  await auth.ready
  globalThis.loaded = true
</script>`

// A service that the application calls. It counts its requests, and refuses tokens on demand.
export async function startService(issuer, host = '127.0.0.1') {
  const guard = createGuard({ issuer })
  const seen = []
  const service = { seen, refuse: () => false, before: async () => {}, redirect: undefined, stop: () => (guard.close(), close(server)) }
  const server = createServer(async (request, response) => {
    for (const name of ['Origin', 'Methods', 'Headers'])
      response.setHeader(`Access-Control-Allow-${name}`, name === 'Origin' ? request.headers.origin ?? '*' : name === 'Headers' ? 'authorization, content-type' : 'GET, POST, PUT')
    if (request.method === 'OPTIONS') return response.end()
    const token = request.headers.authorization?.slice(7)
    let body = ''
    for await (const chunk of request) body += chunk
    seen.push({ token, url: request.url, body })
    await service.before()
    if (service.redirect) return response.writeHead(307, { Location: service.redirect }).end()
    try {
      const verified = service.refuse(token) ? undefined : await guard.authenticate(request)
      response.statusCode = verified ? 200 : 401
      response.end(JSON.stringify({ id: verified?.subject.id, body }))
    } catch (error) {
      if (!(error instanceof Denied)) throw error
      response.writeHead(error.status, error.headers).end(JSON.stringify(error.body))
    }
  })
  service.origin = await listen(server, host)
  return service
}

// Starts all of it. Page and server are on different sites (`127.0.0.1` and `localhost`), or on one with `sameSite`.
export async function startWorld({ settings = {}, sameSite = false } = {}) {
  const pages = await startPages(sameSite ? 'localhost' : '127.0.0.1')
  const server = await startServer(
    { COUNTERSIGN_LIMITS__ENABLED: 'false', COUNTERSIGN_APP_ORIGINS: pages.origin, ...settings },
    'localhost',
  )
  const service = await startService(server.base)
  return {
    pages,
    server,
    service,
    issuer: server.base,
    // Opens a tab with the application.
    async open(context, { options, without, path = '/' } = {}) {
      const tab = await context.newPage()
      // Every request to the server except preflights, which no page sees.
      tab.calls = []
      tab.noise = []
      tab.on('request', (request) => {
        if (request.url().startsWith(server.base)) tab.calls.push(`${request.method()} ${new URL(request.url()).pathname}`)
        if (/eyJ|csr_/.test(request.url())) tab.noise.push(request.url())
      })
      tab.on('console', (message) => /eyJ|csr_/.test(message.text()) && tab.noise.push(message.text()))
      tab.on('pageerror', (error) => tab.noise.push(error.message))
      const configuration = { issuer: server.base, options: { origins: [service.origin], ...options }, without }
      await tab.goto(`${pages.origin}${path}#${encodeURIComponent(JSON.stringify(configuration))}`)
      await loaded(tab)
      return tab
    },
    // Calls the API of the server directly.
    async api(method, path, { token, body } = {}) {
      const answer = await fetch(server.base + path, {
        method,
        headers: { ...(body && { 'Content-Type': 'application/json' }), ...(token && { Authorization: `Bearer ${token}` }) },
        body: body && JSON.stringify(body),
      })
      const text = await answer.text()
      return { status: answer.status, body: text && JSON.parse(text) }
    },
    // Ends all sessions of the user, as if on another device, and waits until the service knows.
    async revoke(email) {
      const { body } = await this.api('POST', '/api/auth/login', { body: { email, password } })
      const headers = { Authorization: `Bearer ${body.access_token}` }
      assert.equal((await this.api('POST', '/api/auth/logout-all', { token: body.access_token })).status, 204)
      while ((await fetch(service.origin, { headers })).status !== 401) await pause(20)
    },
    async stop() {
      await service.stop()
      await server.stop()
      await pages.stop()
    },
  }
}

export const loaded = (tab) => tab.waitForFunction(() => globalThis.loaded)

// Signs in the user in this tab.
export const signIn = (tab, email) =>
  tab.evaluate(([email, password]) => outcome(auth.signIn({ email, password })), [email, password])

// Calls the service: the status, or the code of the error.
export const ask = (tab, url, init) => tab.evaluate(([url, init]) => outcome(auth.fetch(url, init)), [url, init])

export const user = (tab) => tab.evaluate(() => auth.user && auth.user.email)

// Waits until this user is signed in; null: no one.
export const becomes = (tab, email) => tab.waitForFunction((email) => globalThis.auth && (auth.user && auth.user.email) === email, email)

// Leaves the page to the back/forward cache, and returns.
export async function leave(tab, { pages }) {
  await tab.evaluate(() => addEventListener('pageshow', ({ persisted }) => { globalThis.restored = persisted }))
  await tab.goto(`${pages.origin}/empty`)
}

export async function goBack(tab) {
  // Playwright waits for a load, which a page from the cache does not have.
  await tab.evaluate(() => { history.back() })
  await tab.waitForFunction(() => globalThis.auth)
  assert.equal(await tab.evaluate(() => globalThis.restored), true)
}

async function listen(server, host) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://${host}:${server.address().port}`
}

async function close(server) {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}
