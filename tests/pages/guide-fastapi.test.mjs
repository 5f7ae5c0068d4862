// The application of docs/guides/fastapi-pages.md, word for word.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { signUpOnPages, start } from './examples.mjs'
import { assertAccessible, freePort, startBrowser, startServer, visit } from './support.mjs'

let server, app, base, folder, browser
before(async () => {
  server = await startServer()
  base = `http://127.0.0.1:${await freePort()}`
  folder = await mkdtemp(join(tmpdir(), 'countersign-guide-'))
  const guide = await readFile(join(process.env.COUNTERSIGN_TEST_ROOT, 'docs/guides/fastapi-pages.md'), 'utf8')
  const [, code] = /^```python\n(from [\s\S]*?)^```$/m.exec(guide)
  assert.match(code, /"http:\/\/127\.0\.0\.1:8000"[\s\S]*"http:\/\/127\.0\.0\.1:3000"/)
  await writeFile(join(folder, 'main.py'), code.replace('http://127.0.0.1:8000', server.base).replace('http://127.0.0.1:3000', base))
  const python = process.env.COUNTERSIGN_TEST_PYTHON
  assert.ok(python, 'COUNTERSIGN_TEST_PYTHON must name a Python with our client; scripts/test pages sets it')
  app = await start(folder, [python, '-m', 'uvicorn', 'main:app', '--port', new URL(base).port], {}, base)
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await app?.stop()
  await server?.stop()
  if (folder) await rm(folder, { recursive: true })
})

for (const javaScriptEnabled of [true, false]) {
  test(`sign up, order, a second tab, sign out, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, { timeout: 60_000 }, async () => {
    const email = javaScriptEnabled ? 'ada@example.com' : 'bob@example.com'
    const { page, context, complaints } = await visit(browser, base, { javaScriptEnabled })
    await page.goto('/')
    await page.getByText('Signed in: no one').waitFor()
    if (javaScriptEnabled) await assertAccessible(page, 'signed out')
    await page.getByRole('link', { name: 'Your orders' }).click()
    await page.waitForURL(`${server.base}/signin?*`)
    await signUpOnPages(page, email)
    await page.waitForURL(`${base}/orders`)
    await page.getByRole('heading', { name: `Orders of ${email}` }).waitFor()
    await page.getByRole('button', { name: 'Order an umbrella' }).click()
    await page.getByRole('listitem').waitFor()
    if (javaScriptEnabled) await assertAccessible(page, 'signed in')
    const second = await context.newPage()
    await second.goto('/')
    await second.getByText(`Signed in: ${email}`).waitFor()

    await second.goto('/orders')
    await second.getByRole('link', { name: 'Sign out' }).click()
    await second.locator('main form button').last().click()
    await second.waitForURL(`${base}/`)
    await second.getByText('Signed in: no one').waitFor()
    // What was open in the other tab opens nothing any more.
    await page.getByRole('button', { name: 'Order an umbrella' }).click()
    await page.getByText('Sign in and try again.').waitFor()
    assert.deepEqual(complaints.filter((one) => !one.startsWith(`outside: ${server.base}/`)), [])
    await context.close()
  })
}
