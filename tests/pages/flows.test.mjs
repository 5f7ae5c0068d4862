// Every page in every state, as people meet them: with JavaScript and without, in three languages, on a phone and at a desk,
// by keyboard alone. Nothing may be inaccessible, heavy, or blocked by the page's own policy.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, password, startBrowser, startMailServer, startServer, visit } from './support.mjs'
import { keyboard, walk } from './walk.mjs'

let mail, server, browser
before(async () => {
  mail = await startMailServer()
  server = await startServer({ COUNTERSIGN_MAIL__SMTP_URL: mail.url })
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await server?.stop()
  await mail?.stop()
})

const desk = { viewport: { width: 1280, height: 900 } }
const phone = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true }

test('a fresh installation tells what to do next', { timeout: 60_000 }, async () => {
  const { page, context, complaints } = await visit(browser, server.base, desk)
  await page.goto('/')
  assert.match(await page.locator('pre').innerText(), /\/api\/auth\/register/)
  await assertAccessible(page, 'fresh landing page')
  assert.deepEqual(complaints, [])
  await context.close()
})

for (const [what, options, name] of [
  ['in English, at a desk', { ...desk, locale: 'en-GB' }, 'ada'],
  ['in English, without JavaScript', { ...desk, locale: 'en-GB', javaScriptEnabled: false }, 'bob'],
  ['in German, on a phone, in the dark', { ...phone, locale: 'de-DE', colorScheme: 'dark' }, 'carla'],
  ['in Arabic, on a phone', { ...phone, locale: 'ar' }, 'dalia'],
  ['in Japanese, at a desk, in the dark, with less motion', { ...desk, locale: 'ja-JP', colorScheme: 'dark', reducedMotion: 'reduce' }, 'emi'],
]) {
  test(`all pages, ${what}`, { timeout: 240_000 }, async () => {
    const { page, context, complaints } = await visit(browser, server.base, options)
    const seen = []
    await walk(page, mail, name, async (state) => {
      seen.push(state)
      if (options.javaScriptEnabled !== false) await assertAccessible(page, state)
      const overflow = await page.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth)
      assert.ok(overflow <= 0, `${state} is ${overflow} px wider than the screen`)
      // A phone shrinks what is too wide.
      const shown = await page.evaluate(() => [visualViewport.scale, Math.round(visualViewport.width)])
      assert.deepEqual(shown, [1, options.viewport.width], state)
    })
    assert.equal(seen.length, 25)
    assert.deepEqual(complaints, [])
    await context.close()
  })
}

test('all pages, by keyboard alone', { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await visit(browser, server.base, desk)
  const begins = {}
  const at = async (state) => {
    begins[state] = await page.evaluate(() => document.activeElement.getAttribute('role') ?? document.activeElement.tagName)
  }
  await walk(page, mail, 'grace', at, keyboard(page))
  // A screen reader begins with what was done, or with what was wrong.
  for (const [state, element] of Object.entries({ 'signup-refused': 'alert', 'code-refused': 'alert', verified: 'H1', 'account-done': 'status', deleted: 'H1' })) {
    assert.equal(begins[state], element, state)
  }
  assert.deepEqual(complaints, [])
  await context.close()
})

test('a password is shown when asked, and is hidden again when it is sent', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base, desk)
  await page.goto('/signup')
  await page.fill('#password', 'aaaaaaaa')
  assert.equal(await page.locator('.strength').getAttribute('data-level'), '1')
  await page.fill('#password', 'some rather long words')
  assert.equal(await page.locator('.strength').getAttribute('data-level'), '3')
  const reveal = page.locator('button.reveal')
  await reveal.click()
  assert.equal(await page.locator('#password').getAttribute('type'), 'text')
  assert.equal(await reveal.getAttribute('aria-pressed'), 'true')
  await reveal.click()
  assert.equal(await page.locator('#password').getAttribute('type'), 'password')
  await context.close()
})

test('A-9: password managers know every field, and pasting works', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base, desk)
  const expected = {
    '/signin': { email: 'username', password: 'current-password' },
    '/signup': { email: 'username', password: 'new-password' },
    '/recover': { email: 'username' },
    '/recover/password?token=x': { new_password: 'new-password' },
  }
  for (const [path, fields] of Object.entries(expected)) {
    await page.goto(path)
    for (const [name, autocomplete] of Object.entries(fields)) {
      assert.equal(await page.locator(`main [name=${name}]`).getAttribute('autocomplete'), autocomplete, `${path} ${name}`)
    }
  }
  assert.equal(await page.locator('[onpaste]').count(), 0)
  await context.close()
})

test('code in the page itself does not run', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base, desk)
  await page.goto('/signin')
  const ran = await page.evaluate(async () => {
    const blocked = new Promise((resolve) => document.addEventListener('securitypolicyviolation', (event) => resolve(event.violatedDirective)))
    const script = document.createElement('script')
    script.textContent = 'globalThis.broken = true'
    document.body.append(script)
    return [await blocked, globalThis.broken]
  })
  assert.deepEqual(ran, ['script-src-elem', undefined])
  await context.close()
})

test('a page weighs under 60 KB, and asks for its style and its script alone', { timeout: 60_000 }, async () => {
  for (const path of ['/', '/signin', '/signup', '/recover', '/verify', '/signin/email', '/nothing-here']) {
    const { page, context } = await visit(browser, server.base, desk)
    const sizes = {}
    page.on('response', async (response) => {
      if (!response.url().startsWith('data:')) sizes[new URL(response.url()).pathname] = (await response.body()).length
    })
    await page.goto(path, { waitUntil: 'networkidle' })
    const weight = Object.values(sizes).reduce((sum, size) => sum + size, 0)
    assert.ok(weight < 60_000, `${path} weighs ${weight}`)
    assert.ok(Object.keys(sizes).length <= 3, `${path} asks for ${Object.keys(sizes)}`)
    await context.close()
  }
})

test('a link scanner that opens everything three times breaks nothing', { timeout: 120_000 }, async () => {
  const { page, context } = await visit(browser, server.base, desk)
  const scan = async (html) => {
    for (const [, link] of html.matchAll(/href="([^"]+)"/g)) {
      for (let time = 0; time < 3; time++) {
        const scanner = await browser.newContext()
        const opened = await scanner.newPage()
        await opened.goto(link.replaceAll('&amp;', '&'))
        await scanner.close()
      }
    }
  }
  await page.goto('/signup')
  await page.fill('#email', 'heidi@example.com')
  await page.fill('#password', password)
  await page.locator('main form button:not([type=button])').click()
  const verify = await mail.next('heidi@example.com', /\/verify\?/)
  await scan(verify.html)
  await page.goto(verify.link)
  await page.locator('main form button').click()
  await page.locator('h1[data-focus]').waitFor()
  await page.goto('/account')
  assert.equal(await page.locator('.tag.bad').count(), 0)
  await context.close()
})

test('a link that confirms an address takes a password in a browser that did not sign up', { timeout: 120_000 }, async () => {
  for (const [name, field, word] of [['ivan', 'password', password], ['judy', 'new_password', 'another long umbrella']]) {
    const { page, context } = await visit(browser, server.base, desk)
    await page.goto('/signup')
    await page.fill('#email', `${name}@example.com`)
    await page.fill('#password', password)
    await page.locator('main form button:not([type=button])').click()
    const verify = await mail.next(`${name}@example.com`, /\/verify\?/)
    const phoneLike = await visit(browser, server.base, phone)
    await phoneLike.page.goto(verify.link)
    await assertAccessible(phoneLike.page, 'verify-elsewhere')
    await phoneLike.page.fill('#password', 'not the password')
    await phoneLike.page.locator('form:has(#password) > button').click()
    await phoneLike.page.locator('#password[aria-invalid=true]').waitFor()
    await phoneLike.page.fill(`#${field}`, word)
    await phoneLike.page.locator(`form:has(#${field}) > button`).click()
    await phoneLike.page.locator('h1[data-focus]').waitFor()
    assert.deepEqual(phoneLike.complaints, [])
    await phoneLike.context.close()
    // A new password signs out whoever had the account before.
    await page.goto('/account')
    assert.equal(new URL(page.url()).pathname, field === 'password' ? '/account' : '/signin')
    await context.close()
  }
})
