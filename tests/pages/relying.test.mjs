// A person with two applications: sign-in, consent, again without a question, the other application, and sign-out everywhere,
// of which both applications hear. On a phone, in German and Arabic, with and without JavaScript.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { signUpElsewhere, startApplications, useApplications } from './relying.mjs'
import { assertAccessible, startBrowser, visit } from './support.mjs'

let world, browser
before(async () => {
  world = await startApplications()
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await world?.stop()
})

const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

for (const locale of ['de-DE', 'ar']) {
  for (const javaScriptEnabled of [true, false]) {
    const name = `${locale}, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`
    test(`two applications on a phone, and sign-out everywhere: ${name}`, { timeout: 240_000 }, async (t) => {
      const { server } = world
      const email = `ada-${locale.toLowerCase()}-${javaScriptEnabled}@example.com`
      const laptop = await visit(browser, server.base)
      await signUpElsewhere(laptop.page, email)
      const { page, context, complaints } = await visit(browser, server.base, { locale, javaScriptEnabled, ...phone })
      const heard = await useApplications(page, world, email, async (state) => {
        const { direction, content, width } = await page.evaluate(() => ({
          direction: getComputedStyle(document.documentElement).direction,
          content: document.documentElement.scrollWidth,
          width: document.documentElement.clientWidth,
        }))
        assert.ok(content <= width, `${state}: ${content} wide in ${width}`)
        if (!page.url().startsWith(server.base)) return
        assert.equal(direction, locale === 'ar' ? 'rtl' : 'ltr', state)
        if (javaScriptEnabled) await assertAccessible(page, `${state}, ${name}`)
      })
      t.diagnostic(`told of the sign-out after ${heard.map((time) => `${Math.round(time)} ms`).join(' and ')}`)
      await laptop.page.goto('/account')
      assert.equal(new URL(laptop.page.url()).pathname, '/signin')
      assert.deepEqual(complaints.filter((text) => !text.startsWith('outside: ')), [])
      await context.close()
      await laptop.context.close()
    })
  }
}
