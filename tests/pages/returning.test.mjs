// From the pages back into the application that a user came from: by password, sign-up, email and recovery, from another
// browser, in four languages, with and without JavaScript.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { assertAccessible, password, startBrowser, startMailServer, startServer, visit } from './support.mjs'

const second = 'another long umbrella'
const submit = 'main form button:not([type=button])'

let app, order, mail, server, browser
before(async () => {
  app = createServer((request, response) => {
    if (request.url === '/moved') return response.writeHead(302, { Location: `http://app.localhost:${app.address().port}/orders/8` }).end()
    response.setHeader('Content-Type', 'text/html').end(`<!doctype html><html lang="en"><title>Orders</title><h1>${request.url.replaceAll('&', '&amp;')}</h1>`)
  })
  app.listen(0)
  await once(app, 'listening')
  const { port } = app.address()
  order = `http://localhost:${port}/orders/7?a=1&b=%2F+%26#c`
  mail = await startMailServer()
  server = await startServer(
    { COUNTERSIGN_MAIL__SMTP_URL: mail.url },
    `[[applications]]\nname = "Orders"\norigins = ["http://localhost:${port}", "http://app.localhost:${port}"]\n`,
  )
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await server?.stop()
  await mail?.stop()
  app?.close()
})

const returning = (path, to = order) => `${path}?${new URLSearchParams({ return_to: to })}`

// A browser whose only complaints are those of the policy and of scripts: it is meant to leave the pages.
async function person(options) {
  const { page, context, complaints } = await visit(browser, server.base, options)
  return { page, context, errors: () => complaints.filter((text) => !text.startsWith('outside: http')) }
}

async function arrives(page, at = order) {
  await page.waitForURL(at)
  assert.equal(await page.title(), 'Orders')
}

for (const [locale, back, onward] of [
  ['en-GB', 'Back to Orders', 'Continue to Orders'],
  ['de-DE', 'Zurück zu Orders', 'Weiter zu Orders'],
  ['ja-JP', 'Orders に戻る', 'Orders に進む'],
  ['ar', 'العودة إلى Orders', 'المتابعة إلى Orders'],
]) {
  for (const javaScriptEnabled of [true, false]) {
    test(`there and back, ${locale}, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, { timeout: 240_000 }, async () => {
      const email = `walk-${locale.toLowerCase()}-${javaScriptEnabled}@example.com`
      const said = async (locator) => (await locator.innerText()).replace(/[\u2066-\u2069]/g, '')
      const { page, context, errors } = await person({ locale, javaScriptEnabled })
      const form = async (fields) => {
        for (const [field, text] of Object.entries(fields)) await page.fill(`#${field}`, text)
        await page.locator(submit).click()
      }
      // Sign-up, from the sign-in page.
      await page.goto(returning('/signin'))
      assert.equal(await said(page.locator('a.back')), back)
      if (javaScriptEnabled) await assertAccessible(page, `sign-in page with a way back, ${locale}`)
      await page.locator('.steps a').click()
      await form({ email, password: 'short' })
      await page.locator('#password-wrong').waitFor()
      await form({ email, password })
      await page.locator('#code').waitFor()
      const later = page.locator('a.button')
      assert.equal(await said(later), onward)
      await later.click()
      await arrives(page)

      // The link of the email, in a browser that has never been here.
      const { link } = await mail.next(email, /\/verify\?/)
      const phone = await person({ locale, javaScriptEnabled })
      await phone.page.goto(link)
      await phone.page.fill('#password', password)
      await phone.page.locator('form:has(#password) > button').click()
      await phone.page.locator('h1[data-focus]').waitFor()
      assert.equal(await said(phone.page.locator('main a.button')), onward)
      await phone.page.locator('main a.button').click()
      await arrives(phone.page)

      // Signing out leads to the application, and signing in back to it, through a change of language.
      await page.goto(returning('/signout'))
      await page.locator(submit).click()
      await arrives(page)
      await page.goto(returning('/signin'))
      await page.selectOption('footer select', 'fr')
      await page.locator('footer button').click()
      await page.locator('html[lang=fr]').waitFor()
      assert.equal(await said(page.locator('a.back')), 'Retour à Orders')
      await form({ email, password: 'not the password' })
      await page.locator('[role=alert]').waitFor()
      await form({ email, password })
      await arrives(page)

      // By email, with the code in this browser.
      await page.goto(returning('/signout'))
      await page.locator(submit).click()
      await arrives(page)
      await page.goto(returning('/signin'))
      await page.locator('main a.button.second').click()
      await form({ email })
      const { code } = await mail.next(email, /\/signin\/email\?/)
      await page.fill('#code', code)
      if (!javaScriptEnabled) await page.locator(submit).click()
      await arrives(page)

      // A new password, by the link in yet another browser.
      await page.goto(returning('/signout'))
      await page.locator(submit).click()
      await arrives(page)
      await page.goto(returning('/signin'))
      await page.locator('a.forgot').click()
      await form({ email })
      const recover = await mail.next(email, /\/recover\/password\?/)
      const tablet = await person({ locale, javaScriptEnabled })
      await tablet.page.goto(recover.link)
      await tablet.page.fill('#new_password', second)
      await tablet.page.locator(submit).click()
      await tablet.page.locator('main a.button').click()
      await tablet.page.fill('#email', email)
      await tablet.page.fill('#password', second)
      await tablet.page.locator(submit).click()
      await arrives(tablet.page)

      for (const one of [phone, tablet]) {
        assert.deepEqual(one.errors(), [])
        await one.context.close()
      }
      assert.deepEqual(errors(), [])
      await context.close()
    })
  }
}

test('two tabs keep their own destinations', { timeout: 120_000 }, async () => {
  const { page: one, context, errors } = await person({})
  await one.goto(returning('/signup'))
  await one.fill('#email', 'tabs@example.com')
  await one.fill('#password', password)
  await one.locator(submit).click()
  await one.locator('#code').waitFor()
  await context.clearCookies()
  const two = await context.newPage()
  const other = order.replace('/orders/7', '/orders/9')
  await one.goto(returning('/signin'))
  await two.goto(returning('/signin', other))
  for (const [page, at] of [[two, other], [one, order]]) {
    await page.fill('#email', 'tabs@example.com')
    await page.fill('#password', password)
    await page.locator(submit).click()
    await arrives(page, at)
  }
  // Signed in already, a tab asks before it goes on.
  await one.goto(returning('/signin', other))
  await one.locator('main a.button').click()
  await arrives(one, other)
  await one.goto(returning('/account'))
  assert.equal(await one.locator('a.back').getAttribute('href'), order)
  assert.deepEqual(errors(), [])
  await context.close()
})

test('the policy allows a form to be redirected to an application, also through a redirect of the application', { timeout: 120_000 }, async () => {
  const { page, context } = await person({})
  await page.goto('/signup')
  await page.fill('#email', 'policy@example.com')
  await page.fill('#password', password)
  await page.locator(submit).click()
  await page.locator('#code').waitFor()
  const { origin, port } = new URL(order)
  const at = (path, host = 'localhost') => `http://${host}:${port}${path}`
  // As in production, where the policy names exact origins; then one application fewer; then none.
  for (const [targets, to, arrival] of [
    [`${origin} ${at('', 'app.localhost')}`, at('/orders/7'), at('/orders/7')],
    [`${origin} ${at('', 'app.localhost')}`, at('/moved'), at('/orders/8', 'app.localhost')],
    [origin, at('/moved'), undefined],
    ['', at('/orders/7'), undefined],
  ]) {
    await context.clearCookies()
    await context.unrouteAll()
    await context.route('**/signin?*', async (route) => {
      if (route.request().method() !== 'GET') return route.continue()
      const response = await route.fetch()
      const policy = response.headers()['content-security-policy'].replace(/form-action [^;]*/, `form-action 'self' ${targets}`)
      await route.fulfill({ response, headers: { ...response.headers(), 'content-security-policy': policy } })
    })
    await page.goto(returning('/signin', to))
    const blocked = page.waitForEvent('console', (message) => /form-action/.test(message.text()))
    blocked.catch(() => {})
    await page.fill('#email', 'policy@example.com')
    await page.fill('#password', password)
    await page.locator(submit).click()
    await (arrival ? arrives(page, arrival) : blocked)
  }
  await context.close()
})

test('only destinations at applications are kept', { timeout: 60_000 }, async () => {
  const { page, context, errors } = await person({})
  for (const to of ['https://evil.example/', '//evil.example/', '/\\evil.example/', 'javascript:alert(1)', `${order.replace('localhost', 'localhost.evil.example')}`]) {
    await page.goto(returning('/signin', to))
    const links = await page.locator('a, form').evaluateAll((all) => all.map((element) => element.href ?? element.action))
    assert.deepEqual(links.filter((link) => /evil|alert/.test(link)), [], to)
  }
  assert.deepEqual(errors(), [])
  await context.close()
})
