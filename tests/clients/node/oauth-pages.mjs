// Applications in a browser: their scripts are bundled, often from the snippet of a guide, and a person signs in to them on
// the hosted pages.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { build } from 'esbuild'
import { password } from './server.mjs'

const here = import.meta.dirname

// The first snippet in this language below a heading of docs/guides/connect-an-application.md.
export async function recipe(heading, language) {
  const guide = await readFile(join(process.env.COUNTERSIGN_TEST_ROOT, 'docs/guides/connect-an-application.md'), 'utf8')
  const section = guide.split(/^## /m).find((text) => text.startsWith(`${heading}\n`))
  assert.ok(section, `the guide has no section "${heading}"`)
  const [, snippet] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(section) ?? []
  assert.ok(snippet, `the section "${heading}" has no ${language}`)
  return snippet
}

// A source with something of the guide's replaced, which must be in it.
export function withReplaced(source, replacements) {
  for (const [before, now] of Object.entries(replacements)) {
    assert.ok(source.includes(before), `the snippet has no ${before}`)
    source = source.replaceAll(before, now)
  }
  return source
}

export async function bundle(contents, options = {}) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: here, loader: 'jsx' },
    bundle: true, write: false, format: 'esm', jsx: 'automatic', define: { 'process.env.NODE_ENV': '"production"' },
    ...options,
  })
  return outputFiles[0].text
}

// An application that is one page with one script, `script`. It is on another site than the server, like most applications.
export async function startPages() {
  const server = createServer((request, response) => {
    const isScript = request.url === '/main.js'
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html; charset=utf-8')
    response.end(isScript ? pages.script : page)
  })
  server.listen(0)
  await once(server, 'listening')
  const pages = {
    origin: `http://app.localhost:${server.address().port}`,
    script: undefined,
    stop: () => (server.closeAllConnections(), server.close()),
  }
  return pages
}

const page = `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">
<main><h1>Shop</h1><div id="root"></div></main><script type="module" src="/main.js"></script>`

// The entry of the settings file for a public client with these pages.
export const pageClient = (origin, id = 'shop') => `
[[clients]]
client_id = "${id}"
client_name = "Shop"
redirect_uris = ["${origin}/callback", "${origin}/"]
post_logout_redirect_uris = ["${origin}/"]
public = true
insecure_redirects = true
`

// On the hosted pages: signs in, and answers the question whether the application is allowed.
export async function signInOnPages(tab, base, email, answer = 'allow') {
  await tab.waitForURL(`${base}/signin?**`)
  await tab.fill('#email', email)
  await tab.fill('#password', password)
  await tab.locator('main form button:not([type=button])').first().click()
  if (answer) await tab.locator(`button[value=${answer}]`).click()
}

// A tab, and what went wrong in it.
export async function openTab(context) {
  const tab = await context.newPage()
  tab.faults = []
  tab.on('pageerror', (error) => tab.faults.push(error.message))
  // Chromium logs every response with 4xx, including expected ones.
  tab.on('console', (message) => message.type() === 'error' && !/status of 4\d\d/.test(message.text()) && tab.faults.push(message.text()))
  return tab
}
