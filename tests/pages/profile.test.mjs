// The name on the account page, with and without JavaScript.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, password, startBrowser, startServer, visit } from './support.mjs'

let server, browser
before(async () => {
  server = await startServer()
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

for (const javaScriptEnabled of [true, false]) {
  test(`a name is given, changed and removed ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, { timeout: 120_000 }, async () => {
    const { page, context, complaints } = await visit(browser, server.base, { javaScriptEnabled })
    await page.goto('/signup')
    await page.fill('#email', `name-${javaScriptEnabled}@example.com`)
    await page.fill('#password', password)
    await page.locator('main form button:not([type=button])').click()
    await page.waitForURL('**/verify/code')
    await page.goto('/account')
    const row = page.locator('#name-row')
    const value = row.locator('summary .value')
    const save = async (name) => {
      if ((await row.getAttribute('open')) === null) await row.locator('summary').click()
      await page.fill('#name', name)
      await Promise.all([page.waitForResponse((response) => response.url().includes('/account')), row.locator('form > button').click()])
      await page.waitForLoadState()
    }
    assert.equal(await value.innerText(), 'Not set')
    await save('<img src=x onerror="document.title=1"> Ada')
    await page.waitForURL('**/account?done=changed-name')
    assert.equal(await value.innerText(), '<img src=x onerror="document.title=1"> Ada')
    assert.equal(await page.locator('img[src=x]').count(), 0)
    assert.equal(await page.locator('[role=status]').innerText(), 'Your name has been changed.')
    await save('عائشة')
    assert.equal(await value.innerText(), 'عائشة')
    // The row stays open, and says at the field what is wrong.
    await save('x'.repeat(201))
    assert.equal(await page.locator('#name-wrong').innerText(), 'This name is too long. Use 200 characters or fewer.')
    assert.notEqual(await row.getAttribute('open'), null)
    assert.equal(await page.inputValue('#name'), 'x'.repeat(201))
    if (javaScriptEnabled) await assertAccessible(page, 'account-name-refused')
    await page.fill('#name', '')
    await row.locator('form > button').click()
    await page.waitForURL('**/account?done=changed-name')
    assert.equal(await value.innerText(), 'Not set')
    assert.deepEqual(complaints, [])
    await context.close()
  })
}
