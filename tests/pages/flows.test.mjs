// Every page in every state: with and without JavaScript, in three languages, on a phone and a desktop, by keyboard
// only. All must be accessible, small, and compatible with the page's own content security policy.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, password, startBrowser, startMailServer, startServer, startWholeBrowser, visit } from './support.mjs'
import { keyboard, mouse, walk } from './walk.mjs'

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

test('a new installation shows what to do next', { timeout: 60_000 }, async () => {
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
      // Phones zoom out if a page is too wide.
      const shown = await page.evaluate(() => [visualViewport.scale, Math.round(visualViewport.width)])
      assert.deepEqual(shown, [1, options.viewport.width], state)
    }, mouse(page, options.javaScriptEnabled !== false))
    assert.equal(seen.length, 31)
    assert.deepEqual(complaints, [])
    await context.close()
  })
}

test('all pages, by keyboard alone', { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await visit(browser, server.base, desk)
  const begins = {}
  const at = async (state) => {
    // The page's script sets the focus before the first frame.
    begins[state] = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
      done(document.activeElement.getAttribute('role') ?? document.activeElement.tagName)
    }))))
  }
  await walk(page, mail, 'grace', at, keyboard(page))
  // A screen reader starts with the result, with the first invalid field, or with the first empty one.
  for (const [state, element] of Object.entries({
    signin: 'INPUT', 'signup-refused': 'INPUT', 'code-refused': 'INPUT', 'signin-refused': 'alert', verified: 'H1', 'account-done': 'status', deleted: 'H1',
  })) {
    assert.equal(begins[state], element, state)
  }
  assert.deepEqual(complaints, [])
  await context.close()
})

test('the first empty field has the focus, and the browser does not complain about it', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base, desk)
  const said = []
  page.on('console', (message) => said.push(message.text()))
  // The email address is copied from one form to the next.
  for (const [path, field] of [['/signup', 'email'], ['/signin', 'password'], ['/recover', 'email']]) {
    await page.goto(path)
    await page.waitForFunction((id) => document.activeElement.id === id, field)
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
    assert.equal(await page.evaluate(() => document.activeElement.id), field, path)
    await page.fill('#email', 'ada@example.com')
    await page.locator('#email').blur()
  }
  assert.deepEqual(said.filter((text) => /autofocus/i.test(text)), [])
  await context.close()
})

test('a password is shown when asked, and is hidden again when it is sent', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base, desk)
  await page.goto('/signup')
  const reveal = page.locator('button.reveal')
  assert.equal(await reveal.innerText(), 'Show')
  await page.fill('#email', 'reveal@example.com')
  await page.fill('#password', 'password1')
  await reveal.click()
  assert.equal(await page.locator('#password').getAttribute('type'), 'text')
  assert.equal(await reveal.innerText(), 'Hide')
  assert.equal(await reveal.getAttribute('aria-label'), 'Hide: Password')
  await reveal.click()
  assert.equal(await page.locator('#password').getAttribute('type'), 'password')
  await reveal.click()
  const sent = page.waitForRequest((request) => request.method() === 'POST')
  await page.locator('main form button:not([type=button])').click()
  await sent
  await page.locator('#password-wrong').waitFor()
  assert.equal(await page.locator('#password').getAttribute('type'), 'password')
  await context.close()
})

test('the hint about a password agrees with the server', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base, desk)
  await page.goto('/signup')
  const hint = page.locator('#password-hint')
  for (const [text, met] of [['seven77', false], ['password1', true], ['🌂🐢🪁🧭🏮🎐🧵', false], ['n\u0303'.repeat(7), false]]) {
    await page.fill('#password', text)
    assert.equal(await hint.evaluate((element) => element.classList.contains('met')), met, text)
  }
  // It only mentions the length: a rejected password is not praised.
  assert.equal(await page.locator('.strength, meter, progress').count(), 0)
  await context.close()
})

test('an error is shown next to its field, and disappears when the field is changed', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base, desk)
  await page.goto('/signup')
  await page.fill('#email', 'corrected@example.com')
  await page.fill('#password', 'password1')
  await page.locator('main form button:not([type=button])').click()
  await page.locator('#password-wrong').waitFor()
  assert.equal(await page.locator('.wrong').count(), 1)
  assert.equal(await page.locator('[role=alert]').count(), 0)
  assert.match(await page.locator('#password').getAttribute('aria-describedby'), /password-wrong/)
  await page.fill('#password', 'another')
  assert.equal(await page.locator('.wrong, [aria-invalid]').count(), 0)
  await context.close()
})

test('a limit counts down', { timeout: 60_000 }, async () => {
  const limited = await startServer({ COUNTERSIGN_LIMITS__ENABLED: 'true', COUNTERSIGN_LIMITS__LOGIN_PER_ACCOUNT: '1/8s' })
  try {
    const { page, context } = await visit(browser, limited.base, desk)
    await page.goto('/signin')
    for (let attempt = 0; (await page.locator('[data-wait]').count()) === 0; attempt++) {
      assert.ok(attempt < 20, 'no attempt was limited')
      await page.fill('#email', 'ada@example.com')
      await page.fill('#password', 'not the password')
      // The alert of the last attempt stays until the next page is there.
      await Promise.all([page.waitForNavigation(), page.locator('main form button:not([type=button])').click()])
    }
    await page.getByText('You can try again now.').waitFor()
    await context.close()
  } finally {
    await limited.stop()
  }
})

test('a limit counts down on a page without a form too', { timeout: 60_000 }, async () => {
  const limited = await startServer({ COUNTERSIGN_LIMITS__ENABLED: 'true', COUNTERSIGN_LIMITS__EXPORT_PER_ACCOUNT: '1/8s' })
  try {
    const { page, context, complaints } = await visit(browser, limited.base, desk)
    await page.goto('/signup')
    await page.fill('#email', 'ada@example.com')
    await page.fill('#password', password)
    await page.locator('main form button:not([type=button])').click()
    await page.waitForURL('**/verify/code')
    for (let attempt = 0; (await page.locator('main [data-wait]').count()) === 0; attempt++) {
      assert.ok(attempt < 20, 'no export was limited')
      await page.goto('/account')
      const answered = page.waitForResponse('**/account/export')
      await page.locator('form[action="/account/export"]').evaluate((form) => form.submit())
      // A file leads to no page.
      if ((await answered).status() !== 200) await page.locator('main [data-wait]').waitFor()
    }
    assert.match(await page.locator('main').innerText(), /Try again in 0:0\d/)
    await assertAccessible(page, 'a limit')
    await page.getByText('You can try again now.').waitFor()
    assert.deepEqual(complaints, [])
    await context.close()
  } finally {
    await limited.stop()
  }
})

test('an error of the whole form is shown below the heading', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base, desk)
  await page.goto('/signin')
  await page.fill('#email', 'unknown@example.com')
  await page.fill('#password', 'not the password')
  await page.locator('main form button:not([type=button])').click()
  await page.locator('[role=alert]').waitFor()
  assert.equal(await page.locator('h1 + [role=alert]').count(), 1)
  await context.close()
})

test('a language is chosen at once by mouse, with a button by keyboard, and without JavaScript', { timeout: 60_000 }, async () => {
  const { page, context, complaints } = await visit(browser, server.base, desk)
  const language = () => page.locator('html').getAttribute('lang')
  const change = page.locator('footer button')
  await page.goto('/signin')
  assert.equal(await change.isVisible(), false)
  await page.locator('#language').dispatchEvent('pointerdown')
  await Promise.all([page.waitForNavigation(), page.selectOption('#language', 'de')])
  assert.equal(await language(), 'de')
  await page.locator('#language').focus()
  await page.keyboard.type('English')
  await change.waitFor()
  assert.equal(await language(), 'de')
  await page.keyboard.press('Tab')
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
  assert.equal(await language(), 'en')
  await context.close()
  const plain = await visit(browser, server.base, { ...desk, javaScriptEnabled: false })
  await plain.page.goto('/signin')
  await plain.page.selectOption('#language', 'fr')
  await plain.page.locator('footer button').click()
  await plain.page.locator('html[lang=fr]').waitFor()
  await plain.context.close()
  assert.deepEqual(complaints, [])
})

test('times are shown in the time zone of the browser, and in UTC without JavaScript', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base, { ...desk, timezoneId: 'Asia/Kathmandu' })
  await page.goto('/signup')
  await page.fill('#email', 'clock@example.com')
  await page.fill('#password', password)
  await page.locator('main form button:not([type=button])').click()
  await page.waitForURL('**/verify/code')
  await page.goto('/account')
  const time = page.locator('#data-row time')
  assert.match(await time.getAttribute('datetime'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.match(await time.textContent(), /now|minute|second/)
  const there = await time.evaluate((element) => {
    const at = new Date(element.dateTime)
    return new Intl.DateTimeFormat('en', { dateStyle: 'long', timeStyle: 'short', timeZone: 'Asia/Kathmandu' }).format(at)
  })
  assert.equal(await time.getAttribute('title'), there)
  const cookies = await context.cookies()
  const plain = await visit(browser, server.base, { ...desk, javaScriptEnabled: false })
  await plain.context.addCookies(cookies)
  await plain.page.goto('/account')
  assert.match(await plain.page.locator('#data-row time').textContent(), / UTC$/)
  await plain.context.close()
  await context.close()
})

test('browsers find no password form without a user name', { timeout: 60_000 }, async (t) => {
  const whole = await startWholeBrowser()
  t.after(() => whole.close())
  const { page } = await visit(whole, server.base, desk)
  const said = []
  page.on('console', (message) => said.push(message.text()))
  await page.goto('/signup')
  await page.fill('#email', 'managers@example.com')
  await page.fill('#password', password)
  await page.locator('main form button:not([type=button])').click()
  await page.waitForURL('**/verify/code')
  for (const path of ['/account', '/signin', '/recover']) await page.goto(path)
  await page.fill('#email', 'managers@example.com')
  await page.locator('main form button').click()
  await page.waitForURL('**/recover/code')
  await page.goto((await mail.next('managers@example.com', /recover\/password/)).link)
  assert.equal(await page.inputValue('[name=username]'), 'managers@example.com')
  assert.deepEqual(said.filter((text) => /username|autocomplete|\[DOM\]/i.test(text)), [])
})

for (const [what, options] of [
  ['at 400 % zoom', { viewport: { width: 320, height: 256 } }],
  ['in forced colours', { ...desk, forcedColors: 'active' }],
]) {
  test(`nothing is lost ${what}`, { timeout: 60_000 }, async () => {
    const { page, context, complaints } = await visit(browser, server.base, options)
    for (const path of ['/', '/signin', '/signup', '/recover', '/verify/code', '/nothing-here']) {
      await page.goto(path)
      const overflow = await page.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth)
      assert.ok(overflow <= 0, `${path} is ${overflow} px wider than the screen`)
      for (const control of await page.locator('main :is(button, .button, input:not([type=hidden])):visible').all()) {
        await control.scrollIntoViewIfNeeded()
        const { width, height, outline } = await control.evaluate((element) => {
          const { width, height } = element.getBoundingClientRect()
          const { borderTopStyle, textDecorationLine } = getComputedStyle(element)
          return { width, height, outline: borderTopStyle !== 'none' || textDecorationLine !== 'none' || element.className === 'reveal' }
        })
        assert.ok(width >= 24 && height >= 24 && outline, `${path}: ${await control.evaluate((element) => element.outerHTML)}`)
      }
      await assertAccessible(page, `${path} ${what}`)
    }
    assert.deepEqual(complaints, [])
    await context.close()
  })
}

test('A-9: password managers know every field, and pasting works', { timeout: 60_000 }, async () => {
  const { page, context } = await visit(browser, server.base, desk)
  const expected = {
    '/signin': { email: 'username', password: 'current-password' },
    '/signup': { email: 'username', password: 'new-password' },
    '/recover': { email: 'username' },
  }
  const assertFields = async (path, fields) => {
    await page.goto(path)
    for (const [name, autocomplete] of Object.entries(fields)) {
      assert.equal(await page.locator(`main [name=${name}]`).getAttribute('autocomplete'), autocomplete, `${path} ${name}`)
    }
  }
  for (const [path, fields] of Object.entries(expected)) await assertFields(path, fields)
  await page.goto('/signup')
  await page.fill('#email', 'fields@example.com')
  await page.fill('#password', password)
  await page.locator('main form button:not([type=button])').click()
  await page.waitForURL('**/verify/code')
  await page.goto('/recover')
  await page.fill('#email', 'fields@example.com')
  await page.locator('main form button').click()
  await page.waitForURL('**/recover/code')
  const { link } = await mail.next('fields@example.com', /recover\/password/)
  await assertFields(link, { new_password: 'new-password' })
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

test('a page has less than 60 KB and the sign-in page less than 20 KB, and they load only the style sheet, the script and the icon', { timeout: 60_000 }, async () => {
  for (const path of ['/', '/signin', '/signup', '/recover', '/verify', '/signin/email', '/nothing-here']) {
    const { page, context } = await visit(browser, server.base, desk)
    const sizes = {}
    const responses = []
    page.on('response', (response) => responses.push(response))
    await page.goto(path, { waitUntil: 'networkidle' })
    for (const response of responses.filter((response) => !response.url().startsWith('data:'))) {
      sizes[new URL(response.url()).pathname] = (await response.body()).length
    }
    const weight = Object.values(sizes).reduce((sum, size) => sum + size, 0)
    assert.ok(weight < (path === '/signin' ? 20_000 : 60_000), `${path} weighs ${weight}`)
    assert.ok(Object.keys(sizes).length <= 4, `${path} asks for ${Object.keys(sizes)}`)
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
  assert.equal(await page.locator('#email-row .tag.bad').count(), 0)
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
    // A new password ends the sessions of earlier users of the account.
    await page.goto('/account')
    assert.equal(new URL(page.url()).pathname, field === 'password' ? '/account' : '/signin')
    await context.close()
  }
})
