// examples/nextjs, built and started by Next.js, in front of Countersign: both have one origin.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { programs, run, signUpOnPages, start } from './examples.mjs'
import { assertAccessible, freePort, startBrowser, startServer, visit } from './support.mjs'

const folder = join(import.meta.dirname, 'nextjs')
let server, app, base, browser
before(async () => {
  base = `http://127.0.0.1:${await freePort()}`
  server = await startServer({ COUNTERSIGN_ISSUER: base, COUNTERSIGN_TRUSTED_PROXIES: '127.0.0.1' })
  const env = { APP_URL: base, AUTH_URL: server.base }
  await run(folder, [process.execPath, programs.next, 'build'], env)
  const port = new URL(base).port
  app = await start(folder, [process.execPath, programs.next, 'start', '--hostname', '127.0.0.1', '--port', port], env, base)
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await app?.stop()
  await server?.stop()
})

for (const javaScriptEnabled of [true, false]) {
  test(`sign up, order, reload, a second tab, sign out, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, { timeout: 120_000 }, async () => {
    const email = javaScriptEnabled ? 'ada@example.com' : 'bob@example.com'
    const { page, context, complaints } = await visit(browser, base, { javaScriptEnabled })
    const accessible = async (state) => javaScriptEnabled && (await assertAccessible(page, state))
    await page.goto('/')
    await accessible('signed out')
    await page.getByRole('link', { name: 'Your orders' }).click()
    await page.waitForURL(`${base}/signin?return_to=%2Forders`)
    await signUpOnPages(page, email)
    await page.waitForURL(`${base}/orders`)
    await page.getByRole('heading', { name: `Orders of ${email}` }).waitFor()
    await page.getByLabel('Product').fill('Umbrella')
    await page.getByRole('button', { name: 'Order' }).click()
    await page.getByRole('listitem').filter({ hasText: 'Umbrella' }).waitFor()
    await accessible('signed in')

    // Without JavaScript, a reload would send the form again.
    await page.goto('/orders')
    await page.getByRole('listitem').filter({ hasText: 'Umbrella' }).waitFor()
    const second = await context.newPage()
    await second.goto('/orders')
    await second.getByRole('heading', { name: `Orders of ${email}` }).waitFor()

    await second.getByRole('link', { name: 'Sign out' }).click()
    await second.locator('main form button').last().click()
    await second.getByRole('link', { name: 'Sign in' }).first().waitFor()
    // The next request of the other tab is refused, and so is a form that was already open.
    await page.getByLabel('Product').fill('Hat')
    await page.getByRole('button', { name: 'Order' }).click()
    await page.waitForURL(`${base}/signin?return_to=%2Forders`)
    assert.deepEqual(complaints, [])
    await context.close()
  })
}
