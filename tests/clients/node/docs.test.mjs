// /docs in a browser: it loads nothing from other sites, signs in through Authorize, and calls /api/auth/me.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startBrowser } from './client-world.mjs'
import { password, startServer } from './server.mjs'

let server, browser
before(async () => {
  server = await startServer()
  browser = await startBrowser({ args: ['--disable-quic', '--disable-component-update'] })
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

test('/docs signs in through Authorize and calls a protected route', { timeout: 120_000 }, async () => {
  const { account } = await server.register()
  const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } })
  const complaints = await listen(page)

  const answer = await page.goto(`${server.base}/docs`)
  assert.equal(answer.status(), 200)
  const policy = answer.headers()['content-security-policy']
  assert.ok(policy, 'the page has a content security policy')
  assert.doesNotMatch(policy, /script-src[^;]*unsafe-(inline|eval)/)

  await page.locator('.btn.authorize').first().click()
  const form = page.locator('.auth-container', { hasText: 'OAuth2, password' })
  await form.locator('#oauth_username').fill(account.email)
  await form.locator('#oauth_password').fill(password)
  await form.locator('button.authorize').click()
  await form.locator('button', { hasText: 'Logout' }).waitFor()
  await page.locator('.btn-done').first().click()

  const operation = page.locator('.opblock-get', { has: page.locator('[data-path="/api/auth/me"]') })
  await operation.locator('.opblock-summary-control').click()
  await operation.locator('.try-out__btn').click()
  await operation.locator('.btn.execute').click()
  const live = operation.locator('.live-responses-table .response')
  await live.waitFor()
  await operation.scrollIntoViewIfNeeded()
  await page.screenshot({ path: join(process.env.COUNTERSIGN_TEST_SCREENSHOTS, 'docs.png') })

  assert.match(await live.locator('.response-col_status').innerText(), /^200/)
  assert.match(await live.locator('.response-col_description').innerText(), new RegExp(account.id))
  assert.deepEqual(complaints, [])
})

// All errors in the browser's console, and every request to another site.
async function listen(page) {
  const complaints = []
  page.on('console', (message) => message.type() === 'error' && complaints.push(`console: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`))
  page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`))
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    if (protocol !== 'data:' && protocol !== 'blob:' && origin !== server.base) complaints.push(`outside: ${request.url()}`)
  })
  await page.exposeFunction('complain', (text) => complaints.push(text))
  await page.addInitScript(() =>
    document.addEventListener('securitypolicyviolation', (event) =>
      window.complain(`policy: ${event.violatedDirective} ${event.blockedURI}`)))
  return complaints
}
