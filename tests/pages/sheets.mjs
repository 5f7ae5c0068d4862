// Takes the screenshots in docs/pages: every page in every state, in light and dark, on a phone and a desktop, in three
// languages; every email on the way; a new user's first minute; a person with two applications; and everything that
// applications and devices ask for. `scripts/test sheets` runs it with its fonts.
//   COUNTERSIGN_TEST_BIN=… CHROMIUM=… node sheets.mjs FOLDER [minute | applications | asked | pages]
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { password, startBrowser, startMailServer, startServer, visit } from './support.mjs'
import { beAsked, startAsking } from './asked.mjs'
import { signUpElsewhere, startApplications, useApplications } from './relying.mjs'
import { walk } from './walk.mjs'

const [folder, only] = process.argv.slice(2)
const isWanted = (part) => !only || only === part
const locales = (process.env.SHEETS_LOCALES ?? 'en-GB,de-DE,ar').split(',')
const example = {
  COUNTERSIGN_PAGES__NAME: 'Example',
  COUNTERSIGN_PAGES__TERMS_URL: 'https://example.com/terms',
  COUNTERSIGN_PAGES__PRIVACY_URL: 'https://example.com/privacy',
}
const mail = await startMailServer()
const browser = await startBrowser()
await mkdir(folder, { recursive: true })
if (!only) for (const name of await readdir(folder)) if (name.endsWith('.jpg')) await rm(join(folder, name))
try {
  if (isWanted('minute')) await minute()
  if (isWanted('applications')) await applications()
  if (isWanted('asked')) await asked()
  for (const locale of isWanted('pages') ? locales : []) {
    for (const colorScheme of ['light', 'dark']) {
      const name = `${locale.slice(0, 2)}-${colorScheme}`
      mail.all.length = 0
      const desk = await shots({ locale, colorScheme, viewport: { width: 1280, height: 720 } })
      const mails = [...mail.all]
      const phone = await shots({ locale, colorScheme, viewport: { width: 375, height: 667 }, isMobile: true })
      await compose(name, colorScheme, desk.map(({ state, image }, at) => figure(state, [[image, 470], [phone[at].image, 210]])))
      const seen = new Map(mails.map((one) => [one.subject, one]))
      const letters = []
      for (const one of seen.values()) letters.push(figure(one.subject, [[await letter(one, colorScheme), 340]]))
      await compose(`mails-${name}`, colorScheme, letters, 4)
    }
  }
} finally {
  await browser.close()
  await mail.stop()
}

function figure(state, images) {
  const shown = images.map(([image, width]) => `<img width="${width}" src="data:image/png;base64,${image}">`)
  return `<figure><figcaption>${state}</figcaption>${shown.join('')}</figure>`
}

async function shots(options) {
  const server = await startServer({ COUNTERSIGN_MAIL__SMTP_URL: mail.url, ...example })
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

// Chromium sometimes fails while a page is being painted.
async function picture(page) {
  for (let attempt = 0; ; attempt++) {
    await page.waitForTimeout(150)
    try {
      return (await page.screenshot({ fullPage: true })).toString('base64')
    } catch (error) {
      if (attempt === 5) throw error
      await page.waitForTimeout(300)
    }
  }
}

// An email on a separate page, where no content security policy removes its styles.
async function letter(mail, colorScheme, type) {
  const page = await browser.newPage({ viewport: { width: 600, height: 400 }, colorScheme })
  await page.setContent(mail.html)
  const image = await page.screenshot({ fullPage: true, ...(type && { type, quality: 80 }) })
  await page.close()
  return type ? image : image.toString('base64')
}

async function compose(name, colorScheme, figures, columns = 2) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  const [ground, ink] = colorScheme === 'dark' ? ['#26282d', '#ddd'] : ['#cdd0d8', '#222']
  await page.setContent(`<style>body{margin:16px;background:${ground};color:${ink};font:13px system-ui;display:grid;align-items:start;
    grid-template-columns:repeat(${columns},1fr);gap:20px 16px}figure{margin:0;display:flex;align-items:start;flex-wrap:wrap;gap:8px}
    img{max-width:100%}figcaption{width:100%;overflow-wrap:anywhere}</style>${figures.join('')}`)
  await writeFile(join(folder, `${name}.jpg`), await page.screenshot({ fullPage: true, type: 'jpeg', quality: 60 }))
  await page.close()
}

// On a phone: one application, another one, and sign-out of all of it.
async function applications() {
  for (const [name, locale, colorScheme, javaScriptEnabled] of [
    ['en', 'en-GB', 'light', true],
    ['de', 'de-DE', 'dark', true],
    ['ar', 'ar', 'light', true],
    ['without-javascript', 'en-GB', 'dark', false],
  ]) {
    const world = await startApplications(example)
    const email = 'ada@example.com'
    try {
      const laptop = await visit(browser, world.server.base)
      await signUpElsewhere(laptop.page, email)
      const phone = { viewport: { width: 390, height: 844 }, isMobile: true }
      const { page, context } = await visit(browser, world.server.base, { locale, colorScheme, javaScriptEnabled, ...phone })
      const figures = []
      await useApplications(page, world, email, async (state) => {
        figures.push(figure(`${figures.length + 1}. ${state}`, [[await picture(page), 273]]))
      })
      await compose(`applications-${name}`, colorScheme, figures, 5)
      for (const one of [laptop.context, context]) await one.close()
    } finally {
      await world.stop()
    }
  }
}

// On a phone: every page on which an application or a device asks for something.
async function asked() {
  for (const [name, locale, colorScheme] of [['en', 'en-GB', 'light'], ['de', 'de-DE', 'dark'], ['ar', 'ar', 'light']]) {
    const world = await startAsking({ COUNTERSIGN_MAIL__SMTP_URL: mail.url, ...example })
    try {
      const phone = { viewport: { width: 390, height: 700 }, isMobile: true }
      const { page, context } = await visit(browser, world.server.base, { locale, colorScheme, ...phone })
      const figures = []
      await beAsked(page, world, mail, 'ada@example.com', async (state) => {
        figures.push(figure(state, [[await picture(page), 273]]))
      })
      await compose(`asked-${name}`, colorScheme, figures, 5)
      await context.close()
    } finally {
      await world.stop()
    }
  }
}

// From the landing page to a verified account, and through a password reset; each step with a screenshot.
async function minute() {
  const server = await startServer({ COUNTERSIGN_MAIL__SMTP_URL: mail.url, ...example })
  const lines = ["# A new user's first minute", '', '`tests/pages/sheets.mjs` does each step in a browser and takes these screenshots.', '']
  const { page, context } = await visit(browser, server.base, { locale: 'en-GB', viewport: { width: 960, height: 640 } })
  const email = 'ada@example.com'
  const step = async (words, shot) => {
    const number = lines.filter((line) => line.startsWith('!')).length + 1
    const name = `minute-${String(number).padStart(2, '0')}.jpg`
    await writeFile(join(folder, name), shot ?? (await page.screenshot({ type: 'jpeg', quality: 75, fullPage: true })))
    lines.push(`${number}. ${words}`, '', `![${words.replaceAll('*', '')}](${name})`, '')
  }
  const send = () => page.locator('main form button:not([type=button])').first().click()
  try {
    await page.goto('/')
    await step('The landing page of a new installation.')
    await page.goto('/signup')
    await page.fill('#email', email)
    await page.fill('#password', password)
    await step('Enter an email address and a password.')
    await send()
    await step('The account is created. Enter the code from the email, or follow its link.')
    const verify = await mail.next(email, /\/verify\?/)
    await step('The verification email.', await letter(verify, 'light', 'jpeg'))
    await page.goto(verify.link)
    await step('The link opens a page with a button. Opening the page changes nothing.')
    await send()
    await step('The email address is confirmed.')
    await page.goto('/account')
    await step('The account page.')
    await page.goto('/signout')
    await send()
    await page.goto('/signin')
    await page.fill('#email', email)
    await page.fill('#password', 'forgotten')
    await send()
    await step('Signing in with a wrong password.')
    await page.locator('a[href="/recover"]').click()
    await step('*Forgot your password?* fills in the email address.')
    await send()
    const recover = await mail.next(email, /recover\/password/)
    await page.goto(recover.link)
    await page.fill('#new_password', 'another long umbrella')
    await step('Follow the link in the email and enter a new password.')
    await send()
    await step('The password is set, and all devices are signed out.')
    await page.goto('/signin')
    await page.fill('#email', email)
    await page.fill('#password', 'another long umbrella')
    await send()
    await page.waitForURL('**/account')
    await step('Signed in with the new password.')
    await writeFile(join(folder, 'minute.md'), `${lines.join('\n').trimEnd()}\n`)
  } finally {
    await context.close()
    await server.stop()
  }
}
