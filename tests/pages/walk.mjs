// One user's way through all pages, in any language, with or without JavaScript, by mouse or keyboard. Calls back at
// each state of a page.
import { strict as assert } from 'node:assert'
import { password } from './support.mjs'

const wrong = 'not the password'
const second = 'another long umbrella'
const third = 'a third long umbrella'

export async function walk(page, mail, name, at, hands = mouse(page)) {
  const email = `${name}@example.com`
  const moved = `${name}@example.org`
  const send = (selector = 'main form button:not([type=button])') => hands.press(selector)
  // Subjects differ by language, so an email is identified by its link.
  const next = (to, path) => mail.next(to, new RegExp(path))
  const heading = () => page.locator('h1').innerText()

  await page.goto('/')
  await at('landing')
  await page.goto('/signup')
  await at('signup')
  await hands.fill('#email', email)
  await hands.fill('#password', 'password1')
  await send()
  await at('signup-refused')
  assert.equal(await page.locator('#password[aria-invalid=true]').count(), 1)
  assert.equal(await page.inputValue('#email'), email, 'nothing that was typed is lost')
  await hands.fill('#password', password)
  await send()
  await at('signup-code')
  const verify = await next(email, '/verify\\?')
  await hands.code(verify.code === '000000' ? '111111' : '000000', send)
  await at('code-refused')
  await page.goto(verify.link)
  await at('verify-link')
  await send()
  await at('verified')

  await page.goto('/signin')
  await at('signed-in-already')
  await page.goto('/account')
  await at('account')
  for (const row of ['#email-row', '#sessions-row', '#language-row', '#data-row', '#delete-row']) {
    await hands.open(row)
    await at(`account-${row.slice(1, -'-row'.length)}`)
    await hands.open(row)
  }
  await hands.open('#password-row')
  await hands.fill('#current_password', wrong)
  await hands.fill('#new_password', second)
  await send('#password-row form > button')
  await at('account-refused')
  await hands.fill('#current_password', password)
  await hands.fill('#new_password', second)
  await send('#password-row form > button')
  await at('account-done')
  await next(email, '/recover$')
  await hands.open('#email-row')
  await hands.fill('#email', moved)
  await hands.fill('#email_password', second)
  await send('#email-row form > button')
  const change = await next(moved, '/change-email\\?')
  await page.goto(change.link)
  await at('change-email-link')
  await send()
  await at('change-email-done')

  await page.goto('/signout')
  await at('signout')
  await send()
  await at('signed-out')
  await page.goto('/signin')
  await at('signin')
  await hands.fill('#email', moved)
  await hands.fill('#password', wrong)
  await send()
  await at('signin-refused')
  await hands.fill('#password', second)
  await send()
  await page.waitForURL('**/account')

  await page.goto('/signout')
  await send()
  await page.goto('/signin')
  await hands.press('a[href="/recover"]')
  await at('recover')
  await hands.fill('#email', moved)
  await send()
  await at('recover-code')
  const recover = await next(moved, '/recover/password\\?')
  await page.goto(recover.link)
  await at('recover-link')
  await page.goto('/recover/code')
  await hands.fill('#code', recover.code)
  await hands.fill('#new_password', third)
  await send()
  await at('recovered')
  await page.goto(recover.link)
  assert.equal(await page.locator('#new_password').count(), 0, 'it was used')
  await at('link-used-up')

  await page.goto('/signin')
  await hands.press('a[href="/signin/email"]')
  await at('signin-email')
  await hands.fill('#email', moved)
  await send()
  const signIn = await next(moved, '/signin/email\\?')
  await page.goto(signIn.link)
  await at('signin-email-link')
  await send()
  await page.waitForURL('**/account')

  await page.goto('/nothing-here')
  await at('not-found')
  await page.goto('/account')
  const title = await heading()
  await hands.open('#delete-row')
  await hands.fill('#delete_password', third)
  await send('#delete-row form > button')
  assert.notEqual(await heading(), title)
  await at('deleted')
  await page.goto('/signin')
  await hands.fill('#email', moved)
  await hands.fill('#password', third)
  await send()
  assert.equal(new URL(page.url()).pathname, '/signin')
}

// Without JavaScript, a code is not submitted automatically.
export function mouse(page, scripted = true) {
  return {
    fill: (selector, text) => page.fill(selector, text),
    // A click does not wait until the next page is complete.
    press: (selector) => Promise.all([page.waitForNavigation(), page.locator(selector).first().click()]),
    open: (row) => page.locator(`${row} > summary`).click(),
    async code(text, send) {
      if (scripted) return Promise.all([page.waitForNavigation(), page.fill('#code', text)])
      await page.fill('#code', text)
      return send()
    },
  }
}

// Only with Tab and Enter. The focus must always be visible.
export function keyboard(page) {
  const tabTo = async (selector) => {
    const wanted = page.locator(selector).first()
    for (let presses = 0; presses < 60; presses++) {
      if (await wanted.evaluate((element) => element === document.activeElement)) {
        const outline = await wanted.evaluate((element) => getComputedStyle(element).outlineStyle)
        assert.notEqual(outline, 'none', `${selector} shows no focus`)
        return
      }
      await page.keyboard.press('Tab')
    }
    assert.fail(`${selector} cannot be reached by Tab`)
  }
  return {
    async fill(selector, text) {
      await tabTo(selector)
      await page.keyboard.press('ControlOrMeta+a')
      await page.keyboard.type(text)
    },
    async press(selector) {
      await tabTo(selector)
      await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
    },
    async open(row) {
      await tabTo(`${row} > summary`)
      await page.keyboard.press('Enter')
    },
    async code(text) {
      await tabTo('#code')
      await page.keyboard.press('ControlOrMeta+a')
      await Promise.all([page.waitForNavigation(), page.keyboard.type(text)])
    },
  }
}
