// A front end on another origin in a real browser: it can sign in with any headers that its libraries add, and read
// every error.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { startBrowser } from './client-world.mjs'
import { password, startServer } from './server.mjs'

let pages, origin, server, browser
before(async () => {
  pages = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<title>A front end</title>'))
  pages.listen(0, '127.0.0.1')
  await once(pages, 'listening')
  origin = `http://127.0.0.1:${pages.address().port}`
  server = await startServer({ COUNTERSIGN_APP_ORIGINS: origin })
  browser = await startBrowser({ args: ['--host-resolver-rules=MAP app.example 127.0.0.1'] })
})
after(async () => {
  await browser?.close()
  await server?.stop()
  pages?.close()
})

// The result for a script of that origin: the status, or the network error of a CORS rejection.
async function ask(from, path, init) {
  const page = await browser.newPage()
  await page.goto(from)
  const answer = await page.evaluate(async ([url, init]) => {
    try {
      const answer = await fetch(url, init)
      const text = await answer.text()
      return { status: answer.status, code: text && JSON.parse(text).code, id: answer.headers.get('x-request-id') }
    } catch (error) {
      return { status: 0, code: error.name }
    }
  }, [server.base + path, init])
  await page.close()
  return answer
}

const json = { 'Content-Type': 'application/json' }

test('a sign-in carries whatever headers the libraries of a page add', { timeout: 60_000 }, async () => {
  const { account } = await server.register()
  const body = JSON.stringify({ email: account.email, password })
  const added = {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'a=b',
    baggage: 'a=b',
    'sentry-trace': '1-2',
    'X-Request-Id': 'abc',
    'Cache-Control': 'no-cache',
    'Accept-Language': 'de',
    'X-Of-My-Own': '1',
  }
  const answer = await ask(origin, '/api/auth/login', { method: 'POST', headers: { ...json, ...added }, body })
  assert.equal(answer.status, 200)
  assert.ok(answer.id)
  const keys = await ask('http://localhost:' + new URL(origin).port, '/.well-known/jwks.json', { headers: added })
  assert.equal(keys.status, 200)
})

test('a refusal can be read, also of what is no request', { timeout: 60_000 }, async () => {
  const send = (headers, body) => ask(origin, '/api/auth/login', { method: 'POST', headers: { ...json, ...headers }, body })
  assert.deepEqual((await send({}, '{')).code, 'malformed_body')
  assert.deepEqual((await send({}, 'x'.repeat(70_000))).code, 'body_too_large')
  for (const length of [20_000, 100_000]) {
    assert.deepEqual((await send({ 'X-Large': 'x'.repeat(length) }, '{}')).code, 'headers_too_large')
  }
})

test('another origin is refused, and the log names it and the setting', { timeout: 60_000 }, async () => {
  // Origins on this machine are allowed in development.
  const other = 'http://app.example:' + new URL(origin).port
  const answer = await ask(other, '/api/auth/login', { method: 'POST', headers: json, body: '{}' })
  assert.equal(answer.status, 0)
  const line = server.log().split('\n').find((line) => line.includes(other))
  assert.match(line, /app_origins/)
})
