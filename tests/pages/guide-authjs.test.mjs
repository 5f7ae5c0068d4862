// The application of docs/guides/connect-an-application.md with Auth.js, word for word: built and started by Next.js.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { programs, run, start } from './examples.mjs'
import { freePort, password, startBrowser, startServer, visit } from './support.mjs'

const folder = join(import.meta.dirname, 'authjs')
const secret = 'a secret of the application with Auth.js'
let server, app, base, browser
before(async () => {
  base = `http://app.localhost:${await freePort()}`
  server = await startServer({}, `
[[clients]]
client_id = "app"
client_name = "Notes"
redirect_uris = ["${base}/api/auth/callback/countersign"]
post_logout_redirect_uris = ["${base}/"]
secret_sha256 = "${createHash('sha256').update(secret).digest('hex')}"
insecure_redirects = true
`)
  await writeRecipe()
  const env = { AUTH_URL: base, AUTH_SECRET: 'a secret of Auth.js, long enough for it', AUTH_COUNTERSIGN_ID: 'app', AUTH_COUNTERSIGN_SECRET: secret }
  await run(folder, [process.execPath, programs.next, 'build'], env)
  const port = new URL(base).port
  app = await start(folder, [process.execPath, programs.next, 'start', '--hostname', '127.0.0.1', '--port', port], env, `http://127.0.0.1:${port}`)
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await app?.stop()
  await server?.stop()
})

// The files that the snippets name in their first line, and the least that Next.js needs besides.
async function writeRecipe() {
  const guide = await readFile(join(process.env.COUNTERSIGN_TEST_ROOT, 'docs/guides/connect-an-application.md'), 'utf8')
  const section = guide.split(/^## /m).find((text) => text.startsWith('Auth.js'))
  const files = [...section.matchAll(/^```jsx?\n\/\/ (\S+)\n(.*?)^```$/gms)].map(([, name, text]) => [name, text])
  assert.deepEqual(files.map(([name]) => name), ['auth.js', 'app/api/auth/[...nextauth]/route.js', 'app/page.jsx'])
  files.push(['app/layout.jsx', 'export default ({ children }) => <html lang="en"><body>{children}</body></html>\n'])
  // In .next, Next.js keeps what it need not build again.
  for (const entry of ['app', 'auth.js']) await rm(join(folder, entry), { recursive: true, force: true })
  for (const [name, text] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text.replaceAll('https://auth.example.com', server.base).replaceAll('https://app.example.com', base))
  }
}

for (const javaScriptEnabled of [true, false]) {
  test(`sign in, reload, sign out of both, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, { timeout: 240_000 }, async () => {
    const email = javaScriptEnabled ? 'ada@example.com' : 'bob@example.com'
    const registered = await fetch(`${server.base}/api/auth/register`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email, password }),
    })
    assert.equal(registered.status, 201)
    const { page, context, complaints } = await visit(browser, base, { javaScriptEnabled })
    const enter = async () => {
      await page.goto('/')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.waitForURL(`${server.base}/signin?**`)
      await page.fill('#email', email)
      await page.fill('#password', password)
      await page.locator('main form button:not([type=button])').first().click()
    }
    await enter()
    await page.locator('button[value=allow]').click()
    await page.getByText(`Signed in as ${email}`).waitFor()
    await page.reload()
    await page.getByText(`Signed in as ${email}`).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.equal(page.url(), `${base}/`)
    // It is signed out of Countersign, too; what was allowed is not asked again.
    await enter()
    await page.getByText(`Signed in as ${email}`).waitFor()
    assert.deepEqual(complaints.filter((one) => !one.startsWith(`outside: ${server.base}/`)), [])
    await context.close()
  })
}
