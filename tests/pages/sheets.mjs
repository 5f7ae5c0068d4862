// Makes docs/pages: the sheets of every page in every state, in light and dark, on a phone and at a desk, in three languages;
// and a new user's minute.
//   COUNTERSIGN_TEST_BIN=… CHROMIUM=… node sheets.mjs FOLDER
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { password, startBrowser, startMailServer, startServer, visit } from './support.mjs'
import { walk } from './walk.mjs'

const folder = process.argv[2]
const mail = await startMailServer()
const browser = await startBrowser()
await mkdir(folder, { recursive: true })
try {
  await minute()
  for (const locale of ['en-GB', 'de-DE', 'ar']) {
    for (const colorScheme of ['light', 'dark']) {
      const language = locale.slice(0, 2)
      const desk = await shots({ locale, colorScheme, viewport: { width: 1000, height: 640 } })
      const phone = await shots({ locale, colorScheme, viewport: { width: 360, height: 640 }, isMobile: true })
      const figures = desk.map(({ state, image }, at) => `<figure><figcaption>${state}</figcaption>
        <img height="320" src="data:image/png;base64,${image}"><img height="320" src="data:image/png;base64,${phone[at].image}"></figure>`)
      await compose(`${language}-${colorScheme}`, colorScheme, figures)
    }
  }
} finally {
  await browser.close()
  await mail.stop()
}

async function shots(options) {
  const server = await startServer({ COUNTERSIGN_MAIL__SMTP_URL: mail.url, COUNTERSIGN_PAGES__NAME: 'Example' })
  const taken = []
  try {
    const { page, context } = await visit(browser, server.base, options)
    await walk(page, mail, 'ada', async (state) => {
      taken.push({ state, image: await picture(page) })
    })
    await context.close()
  } finally {
    await server.stop()
  }
  return taken
}

// Chromium refuses now and then, while a page is being painted.
async function picture(page) {
  for (let attempt = 0; ; attempt++) {
    await page.waitForTimeout(150)
    try {
      return (await page.screenshot()).toString('base64')
    } catch (error) {
      if (attempt === 5) throw error
      await page.waitForTimeout(300)
    }
  }
}

async function compose(name, colorScheme, figures) {
  const page = await browser.newPage({ viewport: { width: 1500, height: 900 } })
  const [ground, ink] = colorScheme === 'dark' ? ['#000', '#ddd'] : ['#ccd', '#222']
  await page.setContent(`<style>body{margin:12px;background:${ground};color:${ink};font:13px system-ui;display:grid;
    grid-template-columns:repeat(2,1fr);gap:12px}figure{margin:0;display:flex;flex-wrap:wrap;gap:8px}figcaption{width:100%}</style>${figures.join('')}`)
  await writeFile(join(folder, `${name}.jpg`), await page.screenshot({ fullPage: true, type: 'jpeg', quality: 50 }))
  await page.close()
}

// From the landing page to a verified account, and from a forgotten password back in; each step with a picture.
async function minute() {
  const server = await startServer({ COUNTERSIGN_MAIL__SMTP_URL: mail.url, COUNTERSIGN_PAGES__NAME: 'Example' })
  const lines = ["# A new user's minute", '', 'Made by `tests/pages/sheets.mjs`, which does each step in a browser.', '']
  const { page, context } = await visit(browser, server.base, { locale: 'en-GB', viewport: { width: 720, height: 560 } })
  const email = 'ada@example.com'
  const step = async (words) => {
    const number = lines.filter((line) => line.startsWith('!')).length + 1
    const name = `minute-${String(number).padStart(2, '0')}.jpg`
    await writeFile(join(folder, name), await page.screenshot({ type: 'jpeg', quality: 60 }))
    lines.push(`${number}. ${words}`, '', `![${words.replaceAll('*', '')}](${name})`, '')
  }
  const send = () => page.locator('main form button:not([type=button])').first().click()
  try {
    await page.goto('/')
    await step('*Sign up* on the first page of a fresh installation.')
    await page.goto('/signup')
    await page.fill('#email', email)
    await page.fill('#password', password)
    await step('An address and a password.')
    await send()
    await step('The code can be typed here, or the link in the mail followed.')
    const verify = await mail.next(email, /\/verify\?/)
    await page.setContent(verify.html)
    await step('The mail.')
    await page.goto(verify.link)
    await step('Its link opens a page that does nothing by itself.')
    await send()
    await step('Done: the address is confirmed.')
    await page.goto('/account')
    await step('The account.')
    await page.goto('/signout')
    await send()
    await page.goto('/signin')
    await page.fill('#email', email)
    await page.fill('#password', 'forgotten')
    await send()
    await step('Some day the password is forgotten.')
    await page.locator('a[href="/recover"]').click()
    await page.fill('#email', email)
    await step('*Forgot your password?*')
    await send()
    const recover = await mail.next(email, /recover\/password/)
    await page.goto(recover.link)
    await page.fill('#new_password', 'another long umbrella')
    await step("The mail's link leads to a new one.")
    await send()
    await step('It is set, and every device is signed out.')
    await page.goto('/signin')
    await page.fill('#email', email)
    await page.fill('#password', 'another long umbrella')
    await send()
    await page.waitForURL('**/account')
    await step('Back in.')
    await writeFile(join(folder, 'minute.md'), `${lines.join('\n').trimEnd()}\n`)
  } finally {
    await context.close()
    await server.stop()
  }
}
