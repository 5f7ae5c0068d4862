// Browser habits besides filling in forms: reload, go back, click twice, open two tabs, paste, wait a month.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { password, startWholeBrowser, startMailServer, startServer, visit } from './support.mjs'

let mail, server, browser
before(async () => {
  mail = await startMailServer()
  server = await startServer({ COUNTERSIGN_MAIL__SMTP_URL: mail.url })
  browser = await startWholeBrowser()
})
after(async () => {
  await browser?.close()
  await server?.stop()
  await mail?.stop()
})

const submit = 'main form button:not([type=button])'
const heading = (page) => page.locator('h1').innerText()

async function signUp(page, email, secret = password) {
  await page.goto('/signup')
  await page.fill('#email', email)
  await page.fill('#password', secret)
  await page.locator(submit).click()
  await page.waitForURL('**/verify/code')
}

for (const javaScriptEnabled of [true, false]) {
  test(`a confirmation survives a reload and the Back button, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, { timeout: 120_000 }, async () => {
    const { page, context, complaints } = await visit(browser, server.base, { javaScriptEnabled })
    const email = `reload-${javaScriptEnabled}@example.com`
    // Resubmitting a form on reload would need a confirmation, and Chromium fails such a reload here.
    const reload = async () => {
      const before = await page.locator('main').innerText()
      await page.reload()
      assert.equal(await page.locator('main').innerText(), before, page.url())
    }
    await signUp(page, email)
    await reload()
    assert.match(await page.locator('main').innerText(), new RegExp(email))
    await page.goto((await mail.next(email, /\/verify\?/)).link)
    await page.locator(submit).click()
    await page.waitForURL('**/done/verified')
    await reload()
    await page.goBack()
    await page.goForward()
    await reload()
    await page.goto('/account')
    await page.locator('#password-row > summary').click()
    await page.fill('#current_password', password)
    await page.fill('#new_password', 'another long umbrella')
    await page.locator('#password-row form > button').click()
    await page.locator('[role=status]').waitFor()
    await reload()
    await page.goto('/signout')
    await page.goBack()
    assert.equal(await page.locator('[role=status]').count(), 1)
    await page.goto('/account')
    assert.equal(await page.locator('[role=status]').count(), 0)
    await page.goto('/signout')
    await page.locator(submit).click()
    await page.waitForURL('**/done/signed-out')
    await reload()
    for (const path of ['/account/password', '/account/email', '/account/sessions', '/verify/ask', '/signin/email/ask', '/language']) {
      assert.equal((await page.goto(path)).headers()['content-type'], 'text/html; charset=utf-8', path)
    }
    assert.deepEqual(complaints, [])
    await context.close()
  })
}

test('a double click submits a form once, also without JavaScript', { timeout: 120_000 }, async () => {
  const { page, context } = await visit(browser, server.base, { javaScriptEnabled: false })
  for (let round = 0; round < 5; round++) {
    await page.goto('/signout')
    await context.clearCookies()
    await page.goto('/signup')
    await page.fill('#email', `twice${round}@example.com`)
    await page.fill('#password', password)
    await page.locator(submit).dblclick({ delay: 20 })
    // The second click cancels the navigation of the first.
    for (let attempt = 0; new URL(page.url()).pathname !== '/verify/code'; attempt++) {
      assert.ok(attempt < 200 && (await page.locator('[role=alert]').count().catch(() => 0)) === 0, page.url())
      await pause(50)
    }
    await page.waitForLoadState().catch(() => {})
    await page.goto('/account')
    assert.equal(new URL(page.url()).pathname, '/account')
    assert.equal(await page.locator('[role=alert]').count(), 0)
  }
  await context.close()
})

test('two tabs opened at the same time can both send their forms, and so can one whose cookie was deleted', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base)
  await signUp(page, 'tabs@example.com')
  await context.clearCookies()
  const [one, two] = [await context.newPage(), await context.newPage()]
  await Promise.all([one.goto('/signin?return_to=/account'), two.goto('/signin?return_to=/account')])
  for (const tab of [one, two]) {
    await tab.fill('#email', 'tabs@example.com')
    await tab.fill('#password', password)
  }
  await context.clearCookies()
  for (const tab of [one, two]) {
    await tab.locator(submit).click()
    await tab.waitForURL('**/account')
  }
  await context.close()
})

test('two servers on two ports of one host do not sign each other out', { timeout: 60_000 }, async () => {
  const other = await startServer({ COUNTERSIGN_MAIL__SMTP_URL: mail.url })
  try {
    const { page, context } = await visit(browser, server.base)
    await signUp(page, 'ports@example.com')
    for (const base of [other.base, server.base]) {
      if (base === other.base) {
        await page.goto(`${base}/signup`)
        await page.fill('#email', 'ports@example.com')
        await page.fill('#password', password)
        await page.locator(submit).click()
        await page.waitForURL('**/verify/code')
      }
      await page.goto(`${base}/account`)
      assert.equal(page.url(), `${base}/account`)
    }
    await context.close()
  } finally {
    await other.stop()
  }
})

test('the browser keeps the session cookie as long as a session can last', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base)
  await signUp(page, 'month@example.com')
  const session = (await context.cookies()).find((cookie) => /^countersign-\d+$/.test(cookie.name))
  assert.ok(session, JSON.stringify(await context.cookies()))
  const days = (session.expires - Date.now() / 1000) / 86_400
  assert.ok(days > 89 && days < 91, `${days}`)
  await context.close()
})

test('pasted text is not cut, and email addresses in any script are accepted', { timeout: 120_000 }, async () => {
  const { page, context } = await visit(browser, server.base)
  // 128 characters, 256 UTF-16 units: the maximum length of a password.
  const longest = [...'🌂🐢🪁🧭🏮🎐🧵🪡'].join('').repeat(16)
  const paste = (selector, text) =>
    page.locator(selector).evaluate((field, pasted) => {
      field.focus()
      document.execCommand('insertText', false, pasted)
    }, text)
  await page.goto('/signup')
  await paste('#email', 'łukasz@bücher.example')
  await paste('#password', longest)
  assert.equal(await page.inputValue('#password'), longest)
  await page.locator(submit).click()
  await page.waitForURL('**/verify/code')
  const login = await fetch(`${server.base}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'łukasz@bücher.example', password: longest }),
  })
  assert.equal(login.status, 200)
  await page.goto('/account')
  await page.locator('#password-row > summary').click()
  await paste('#current_password', longest)
  await paste('#new_password', `${longest}x`)
  await page.locator('#password-row form > button').click()
  assert.match(await page.locator('#new_password-wrong').innerText(), /128/)
  await page.locator('#email-row > summary').click()
  await page.fill('#email', `${'a'.repeat(300)}@example.com`)
  await paste('#email_password', longest)
  await page.locator('#email-row form > button').click()
  assert.match(await page.locator('#email-wrong').innerText(), /254/)
  await context.close()
})

test('a code is accepted in the digits of any script', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base)
  const persian = (code) => [...code].map((digit) => String.fromCodePoint(0x6f0 + Number(digit))).join('')
  for (const [name, write] of [
    ['persian', persian],
    ['dashed', (code) => `${code.slice(0, 3)}–${code.slice(3)}`],
    ['unseen', (code) => `\u200e${code.slice(0, 2)}\u200b${code.slice(2)}\ufeff `],
  ]) {
    await context.clearCookies()
    await signUp(page, `${name}@example.com`)
    // It is complete and submits itself.
    await page.fill('#code', write((await mail.next(`${name}@example.com`, /\/verify\?/)).code))
    await page.waitForURL('**/done/verified')
  }
  await context.close()
})

test('a confirmation link that was used says so when it is opened again', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base)
  await signUp(page, 'again@example.com')
  const { link } = await mail.next('again@example.com', /\/verify\?/)
  const second = await context.newPage()
  await Promise.all([page.goto(link), second.goto(link)])
  await page.locator(submit).click()
  await page.waitForURL('**/done/verified')
  await second.locator(submit).click()
  await second.waitForURL('**/done/verified-before')
  assert.match(await heading(second), /already confirmed/)
  await page.goto(link)
  assert.match(await heading(page), /already confirmed/)
  assert.equal(await page.locator(submit).count(), 0)
  await context.close()
})

// Clicks again until the result is there: the second of two quick clicks is ignored on purpose.
async function clickUntil(result, button) {
  for (let attempt = 0; attempt < 100; attempt++) {
    // The next page may be there already, without the button.
    const click = button.click({ noWaitAfter: true, timeout: 2_000 }).then(() => pause(300), () => {})
    const first = await Promise.race([result, click])
    if (first !== undefined) return first
  }
  return assert.fail('the button has no effect')
}

test('a download can be repeated, and a form submitted again after an aborted request', { timeout: 120_000 }, async () => {
  const { page, context, complaints } = await visit(browser, server.base)
  await signUp(page, 'saves@example.com')
  await page.goto('/account')
  await page.locator('#data-row > summary').click()
  const save = page.locator('form[action="/account/export"] button')
  for (let time = 0; time < 2; time++) {
    const saved = await clickUntil(page.waitForEvent('download', { timeout: 60_000 }), save)
    assert.equal(saved.suggestedFilename(), 'account.json')
  }
  // A second session, so that there is a button for all of them.
  await fetch(`${server.base}/api/auth/login`, {
    method: 'POST',
    body: new URLSearchParams({ username: 'saves@example.com', password }),
  })
  await page.goto('/account')
  await page.locator('#sessions-row > summary').click()
  // There is no response, and the browser stays on the page.
  await page.route('**/account/sessions', (route) => route.abort('aborted'))
  const end = page.locator('form[action="/account/sessions"]:not(:has(input[name=session])) button')
  await Promise.all([page.waitForEvent('requestfailed'), end.click()])
  await page.unroute('**/account/sessions')
  await clickUntil(page.waitForURL('**/done/signed-out-everywhere').then(() => true), end)
  assert.deepEqual(complaints, [])
  await context.close()
})
