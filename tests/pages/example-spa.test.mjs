// examples/spa-react, built and served by Vite, with examples/fastapi-api behind it.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { programs, run, signUpOnPages, start } from './examples.mjs'
import { assertAccessible, freePort, password, startBrowser, startServer, visit } from './support.mjs'

const here = import.meta.dirname
const folder = join(here, 'spa-react')
let server, api, pages, base, apiBase, browser
before(async () => {
  const [port, apiPort] = [await freePort(), await freePort()]
  ;[base, apiBase] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${apiPort}`]
  server = await startServer()
  const python = process.env.COUNTERSIGN_TEST_PYTHON
  assert.ok(python, 'COUNTERSIGN_TEST_PYTHON must name a Python with our client; scripts/test pages sets it')
  const root = process.env.COUNTERSIGN_TEST_ROOT
  const service = [python, '-m', 'uvicorn', 'main:app', '--port', String(apiPort), '--app-dir', join(root, 'examples/fastapi-api')]
  api = start(here, service, { ISSUER: server.base, ORIGINS: base }, `${apiBase}/docs`)
  const env = { VITE_ISSUER: server.base, VITE_API: apiBase }
  await run(folder, [process.execPath, programs.vite, 'build', '--logLevel', 'warn'], env)
  pages = await start(folder, [process.execPath, programs.vite, 'preview', '--port', String(port)], env, base)
  api = await api
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  for (const started of [pages, api, server]) await (await started)?.stop()
})

// A page of the application, and what went wrong in it. Requests to the server and the API are part of it.
async function open() {
  const { page, context, complaints } = await visit(browser, base)
  await context.clock.install()
  const wrong = () => complaints.filter((one) => ![server.base, apiBase].some((known) => one.startsWith(`outside: ${known}/`)))
  await page.goto('/')
  return { page, context, wrong }
}
const fill = async (page, email, word = password) => {
  await page.getByLabel('Email address').fill(email)
  await page.getByLabel('Password').fill(word)
}
const press = (page, name) => page.getByRole('button', { name, exact: true }).click()
const signedIn = (page, email) => page.getByText(`Signed in as ${email}`).waitFor()
const product = (page) => page.getByRole('listitem').filter({ hasText: 'Umbrella' }).waitFor()

test('sign up, reload, a second tab, refresh, sign out, sign in', { timeout: 120_000 }, async () => {
  const { page, context, wrong } = await open()
  await page.getByRole('heading', { name: 'Products' }).waitFor()
  await assertAccessible(page, 'signed out')
  await fill(page, 'ada@example.com', 'short')
  await press(page, 'Create account')
  await page.getByText('This password is too short.').waitFor()
  await assertAccessible(page, 'refused')
  await fill(page, 'ada@example.com')
  await press(page, 'Create account')
  await signedIn(page, 'ada@example.com')
  await product(page)
  await assertAccessible(page, 'signed in')

  await page.reload()
  await signedIn(page, 'ada@example.com')
  await product(page)
  const second = await context.newPage()
  await second.goto('/')
  await signedIn(second, 'ada@example.com')
  await product(second)

  // The token is renewed before it ends.
  const renewed = context.waitForEvent('response', (response) => response.url() === `${server.base}/api/auth/token`)
  await context.clock.fastForward('11:00')
  assert.equal((await renewed).status(), 200)

  await press(second, 'Sign out')
  await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor()
  await fill(page, 'ada@example.com', 'a wrong umbrella')
  await press(page, 'Sign in')
  await page.getByText('The email address or the password is wrong.').waitFor()
  await fill(page, 'ada@example.com')
  await press(page, 'Sign in')
  await product(page)
  await signedIn(second, 'ada@example.com')
  // Nothing that lasts is where a script can read it.
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie)
  assert.doesNotMatch(kept, /csr_|eyJ/)
  assert.deepEqual(wrong(), [])
  await context.close()
})

test('the sign-in page leads back into the application', { timeout: 60_000 }, async () => {
  const { page, context, wrong } = await open()
  await press(page, 'Use the sign-in page')
  await page.waitForURL(`${server.base}/signin?*`)
  await signUpOnPages(page, 'bob@example.com')
  await page.waitForURL(`${base}/`)
  await signedIn(page, 'bob@example.com')
  await product(page)
  assert.deepEqual(wrong(), [])
  await context.close()
})
