// A person in a browser without JavaScript: keeps cookies, follows redirects, signs in, and allows what an application asks.
import assert from 'node:assert/strict'
import { password } from './server.mjs'

export function person(base, email) {
  const cookies = new Map()
  async function send(url, form) {
    const headers = { Cookie: [...cookies].map((pair) => pair.join('=')).join('; '), Accept: 'text/html' }
    if (form) Object.assign(headers, { Origin: base, 'Sec-Fetch-Site': 'same-origin' })
    const answer = await fetch(url, { method: form ? 'POST' : 'GET', body: form, headers, redirect: 'manual' })
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)
      if (/max-age=0/i.test(cookie)) cookies.delete(name)
      else cookies.set(name, value)
    }
    return answer
  }
  return {
    // Opens the address, and follows it through the pages until it leaves the server. Returns where it leads, with the fields
    // of a form if it is one, and the pages on the way.
    async visit(address) {
      const seen = []
      let answer = await send(address)
      for (let step = 0; step < 20; step++) {
        if (answer.status === 303) {
          const next = new URL(answer.headers.get('location'), base)
          if (next.origin !== base) return { url: next, seen }
          answer = await send(next)
          continue
        }
        const page = await answer.text()
        assert.equal(answer.status, 200, page)
        const answered = formFor(page, base)
        if (answered) return { url: new URL(answered.action), form: answered, seen }
        const form = ownForm(page)
        assert.ok(form, page)
        seen.push(new URL(answer.url).pathname.replace(/^\/authorize\/.*/, '/authorize'))
        if (form.has('password')) {
          form.set('email', email)
          form.set('password', password)
        }
        answer = await send(new URL(form.action || answer.url, base), form)
      }
      assert.fail(`no end after ${seen.join(', ')}`)
    },
  }
}

// The form that signs in or allows.
const ownForm = (page) => fields(forms(page).find(([, , inner]) => /name="?password"?|value="?allow"?/.test(inner)))

// The form for an application (`form_post`), which a script or a button sends to it.
const formFor = (page, base) => fields(forms(page).find(([, head]) => new URL(attributes(head).action || '/', base).origin !== base))

const forms = (page) => [...page.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)]

// The fields of a form, with those that are hidden, and its action.
function fields(found) {
  if (!found) return undefined
  const [, head, inner] = found
  const form = new URLSearchParams()
  for (const [tag] of inner.matchAll(/<(?:input|button)\b[^>]*>/g)) {
    const { name, value } = attributes(tag)
    const isOther = tag.startsWith('<button') && value !== 'allow'
    if (name && !isOther) form.set(name, value ?? '')
  }
  form.action = attributes(head).action
  return form
}

function attributes(tag) {
  const found = [...tag.matchAll(/([\w-]+)(?:="([^"]*)"|=([^\s">]+))?/g)]
  const text = (value) => value?.replaceAll('&amp;', '&').replaceAll('&#38;', '&')
  return Object.fromEntries(found.map(([, name, quoted, bare]) => [name, text(quoted ?? bare) ?? '']))
}
