// Every page of authorization requests, of devices, and of the applications of an account, on a small phone: accessible, and
// no wider than the screen.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { beAsked, startAsking } from './asked.mjs'
import { assertAccessible, startBrowser, startMailServer, visit } from './support.mjs'

let mail, world, browser
before(async () => {
  mail = await startMailServer()
  world = await startAsking({ COUNTERSIGN_MAIL__SMTP_URL: mail.url })
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await world?.stop()
  await mail?.stop()
})

const phone = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true }

for (const [locale, colorScheme] of [['en-GB', 'light'], ['de-DE', 'dark'], ['fr-FR', 'light'], ['ar', 'dark']]) {
  test(`all pages that ask, on a small phone: ${locale}`, { timeout: 240_000 }, async () => {
    const { page, context, complaints } = await visit(browser, world.server.base, { ...phone, locale, colorScheme })
    const seen = []
    await beAsked(page, world, mail, `asked-${locale.toLowerCase()}@example.com`, async (state) => {
      seen.push(state)
      await assertAccessible(page, `${state}, ${locale}`)
      const wide = await page.evaluate(() =>
        [document.documentElement, ...document.querySelectorAll('button, .button, h1, label, p, li')]
          .filter((element) => element.scrollWidth > element.clientWidth + 1)
          .map((element) => `${element.localName}: ${element.textContent.trim().slice(0, 60)}`))
      assert.deepEqual(wide, [], `${state}, ${locale}`)
    })
    assert.equal(new Set(seen).size, 23)
    assert.deepEqual(complaints.filter((text) => !text.startsWith('outside: ')), [])
    await context.close()
  })
}
