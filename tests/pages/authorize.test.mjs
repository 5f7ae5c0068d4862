// Signing in to other applications: from an application to the pages and back, in a real browser, with and without
// JavaScript, on a phone, in German and Arabic.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { assertAccessible, password, startBrowser, startMailServer, startServer, startWholeBrowser, visit } from './support.mjs'

const verifier = 'a-verifier-that-is-long-enough-for-rfc-7636-4.1'
const challenge = createHash('sha256').update(verifier).digest('base64url')
const scheme = 'com.example.notes'

let app, base, mail, server, browser
// What arrived at the application, newest last.
const arrived = []

before(async () => {
  app = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    const url = new URL(request.url, base)
    if (url.pathname === '/favicon.ico') return response.writeHead(404).end()
    arrived.push({ path: url.pathname, fields: new URLSearchParams(body || url.search) })
    // An application that goes on to a program on the device.
    if (url.pathname === '/hop') return response.writeHead(302, { Location: `${scheme}:/done` }).end()
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><html lang="en"><title>Notes</title><h1>Notes</h1>')
  })
  app.listen(0)
  await once(app, 'listening')
  base = `http://app.localhost:${app.address().port}`
  mail = await startMailServer()
  const client = (id, name, uris, more = '') => `
[[clients]]
client_id = "${id}"
client_name = "${name}"
redirect_uris = [${uris.map((uri) => `"${uri}"`).join(', ')}]
public = true
insecure_redirects = true
${more}`
  server = await startServer(
    { COUNTERSIGN_MAIL__SMTP_URL: mail.url },
    client('notes', 'Notes', [`${base}/callback`, `${base}/hop`], `policy_uri = "https://notes.example.com/privacy"`) +
      client('native', 'Notes for desktop', [`${scheme}:/callback`]),
  )
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await server?.stop()
  await mail?.stop()
  app?.close()
})

const ask = (more = {}) => {
  const parameters = {
    response_type: 'code',
    client_id: 'notes',
    redirect_uri: `${base}/callback`,
    scope: 'openid profile email offline_access',
    state: 'a state & more',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  }
  return `${server.base}/oauth2/authorize?${new URLSearchParams(parameters)}`
}

async function person(options, chromium = browser) {
  const { page, context, complaints } = await visit(chromium, server.base, options)
  return { page, context, errors: () => complaints.filter((text) => !text.startsWith('outside: ')) }
}

async function signUp(page, name) {
  await page.goto('/signup')
  await page.fill('#email', `${name}@example.com`)
  await page.fill('#password', password)
  await page.locator('main form button:not([type=button])').click()
  await page.waitForURL('**/verify/code')
}

// The application has got a code, in the window that shows it now.
async function arrives(page, path = '/callback') {
  await page.waitForURL(`${base}${path}**`)
  const { fields, path: at } = arrived.at(-1)
  assert.equal(at, path)
  assert.match(fields.get('code'), /^csa_/)
  assert.equal(fields.get('state'), 'a state & more')
  assert.equal(fields.get('iss'), server.base)
}

const press = (page, value) => page.locator(`button[value=${value}]`).click()

async function assertFits(page, name) {
  const { width, content } = await page.evaluate(() => ({
    width: document.documentElement.clientWidth,
    content: document.documentElement.scrollWidth,
  }))
  assert.ok(content <= width, `${name} is ${content} wide in ${width}`)
}

for (const [locale, signingIn, title, allow] of [
  ['en-GB', 'You’re signing in to Notes.', 'Allow Notes to access your account?', 'Allow'],
  ['de-DE', 'Du meldest dich bei Notes an.', 'Notes Zugriff auf dein Konto erlauben?', 'Erlauben'],
  ['ar', 'أنت تسجّل الدخول إلى Notes.', 'هل تسمح لـ Notes بالوصول إلى حسابك؟', 'السماح'],
]) {
  for (const javaScriptEnabled of [true, false]) {
    const name = `${locale}, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`
    test(`application, sign-in, consent, application, and again without a question: ${name}`, { timeout: 240_000 }, async () => {
      const who = `walk-${locale.toLowerCase()}-${javaScriptEnabled}`
      const said = async (locator) => (await locator.innerText()).replace(/[\u2066-\u2069]/g, '')
      const first = await person({ locale })
      await signUp(first.page, who)
      await first.context.close()
      // A small phone.
      const { page, context, errors } = await person({ locale, javaScriptEnabled, viewport: { width: 320, height: 640 } })
      const check = async (what) => {
        if (!javaScriptEnabled) return
        await assertAccessible(page, `${what}, ${name}`)
        await assertFits(page, `${what}, ${name}`)
      }
      await page.goto(ask())
      assert.equal(await said(page.locator('h1 + p')), signingIn)
      await check('sign-in page for an application')
      await page.fill('#email', `${who}@example.com`)
      await page.fill('#password', password)
      await page.locator('main form button:not([type=button])').click()
      await page.waitForURL('**/authorize/*')
      assert.equal(await said(page.locator('h1')), title)
      assert.equal(await page.locator('.permissions li').count(), 3)
      assert.ok((await page.locator('main').innerText()).includes('app.localhost'))
      await check('consent page')
      assert.equal(await said(page.locator('button[value=allow]')), allow)
      await press(page, 'allow')
      await arrives(page)
      await page.goto(ask())
      await arrives(page)
      await page.goto(ask({ prompt: 'select_account' }))
      await page.locator('button[value=continue]').waitFor()
      await check('account choice')
      await press(page, 'continue')
      await arrives(page)
      await page.goto(ask({ prompt: 'login' }))
      await page.locator('#password').waitFor()
      await check('page that asks again who one is')
      await page.fill('#password', 'not my password')
      await page.locator('main form button:not([type=button])').first().click()
      await page.locator('#password-wrong').waitFor()
      await page.fill('#password', password)
      await page.locator('main form button:not([type=button])').first().click()
      await arrives(page)
      await page.goto('/signin/other')
      await check('sign-in page for another account')
      await page.goto('/account/apps')
      await check('applications of the account')
      assert.equal(await page.locator('.app').count(), 1)
      await page.locator('.app button').click()
      await page.waitForURL('**/account/apps?done=withdrew')
      assert.equal(await page.locator('.app').count(), 0)
      await check('no applications')
      await page.goto(ask())
      await press(page, 'cancel')
      await page.waitForURL(`${base}/callback**`)
      assert.equal(arrived.at(-1).fields.get('error'), 'access_denied')
      await page.goto(ask({ client_id: 'nothing' }))
      await check('refused request')
      assert.equal(await page.locator('pre').count(), 1)
      assert.deepEqual(errors(), [])
      await context.close()
    })
  }
}

test('an emailed code authenticates the user again', { timeout: 120_000 }, async () => {
  const { page, context, errors } = await person()
  await signUp(page, 'mailed')
  const { link } = await mail.next('mailed@example.com', /\/verify\?/)
  await page.goto(link)
  await page.locator('main form button').click()
  await page.waitForURL('**/done/verified')
  await page.goto(ask({ prompt: 'login' }))
  await page.locator('form[action*="/signin/again/email"] button').click()
  await page.locator('#code').waitFor()
  await assertAccessible(page, 'code that proves who one is')
  const { code } = await mail.next('mailed@example.com', /\/signin\/email\?/)
  await page.fill('#code', code)
  await page.waitForURL('**/authorize/*')
  await press(page, 'allow')
  await arrives(page)
  assert.deepEqual(errors(), [])
  await context.close()
})

for (const javaScriptEnabled of [true, false]) {
  test(`a form_post response, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, { timeout: 120_000 }, async () => {
    const { page, context, errors } = await person({ javaScriptEnabled })
    await signUp(page, `post-${javaScriptEnabled}`)
    await page.goto(ask({ response_mode: 'form_post' }))
    await press(page, 'allow')
    if (!javaScriptEnabled) await page.locator('main form button').click()
    await arrives(page)
    assert.deepEqual(errors(), [])
    await context.close()
  })
}

// What became of the navigations of a page: the reason of each that failed.
async function failures(context, page) {
  const failed = []
  const session = await context.newCDPSession(page)
  await session.send('Network.enable')
  session.on('Network.loadingFailed', ({ type, errorText, blockedReason }) => {
    if (type === 'Document') failed.push(blockedReason ?? errorText)
  })
  return failed
}

test('o_17 a form is redirected through a web application to a native one', { timeout: 120_000 }, async (t) => {
  const whole = await startWholeBrowser()
  t.after(() => whole.close())
  const { page, context } = await person({}, whole)
  const console_ = []
  page.on('console', (message) => console_.push(message.text()))
  await signUp(page, 'hopper')
  const failed = await failures(context, page)
  const before = arrived.length
  await page.goto(ask({ redirect_uri: `${base}/hop`, state: 'hop' }))
  await press(page, 'allow')
  for (let attempt = 0; attempt < 50 && !console_.concat(failed).length; attempt++) await pause(100)
  assert.equal(arrived.length, before + 1, 'the application was asked')
  assert.ok(!failed.includes('csp'), `${failed}`)
  assert.ok(!console_.some((text) => /form-action/.test(text)), `${console_}`)
  assert.ok(console_.concat(failed).some((text) => /com\.example\.notes|scheme|ABORTED/i.test(text)), `${console_} ${failed}`)
})

test('o_17 a button opens a native application, and its page stays open', { timeout: 120_000 }, async (t) => {
  const whole = await startWholeBrowser()
  t.after(() => whole.close())
  const { page: first, context } = await person({ viewport: { width: 320, height: 640 } }, whole)
  await signUp(first, 'native')
  const native = { client_id: 'native', redirect_uri: `${scheme}:/callback`, scope: 'openid' }
  await first.goto(ask(native))
  await press(first, 'allow')
  await pause(500)
  // The browser asks in this tab whether to open the program, and takes no other input there.
  await first.close()
  const page = await context.newPage()
  const console_ = []
  page.on('console', (message) => console_.push(message.text()))
  await page.goto(ask(native))
  const button = page.locator('button[value=continue]')
  await button.waitFor()
  await assertAccessible(page, 'page before a native application')
  await assertFits(page, 'page before a native application')
  console_.length = 0
  const failed = await failures(context, page)
  await button.click()
  await pause(1000)
  assert.ok(!console_.some((text) => /form-action/.test(text)) && !failed.includes('csp'), `${console_} ${failed}`)
  assert.match(page.url(), /\/authorize\//)
  // The request was answered.
  const again = await (await context.newPage()).goto(page.url())
  assert.equal(again.status(), 400)
})
