// The browser client in React, Vue and Svelte: the snippets of its documentation, compiled, bundled, and used in a real
// browser.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { build } from 'esbuild'
import { compile } from 'svelte/compiler'
import { compileScript, parse } from 'vue/compiler-sfc'
import { password, startBrowser } from './client-world.mjs'
import { startServer } from './server.mjs'

const here = import.meta.dirname
const documents = join(here, 'node_modules/@countersign/client')
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

// The snippets of a document in this language.
const snippets = async (document, language) =>
  [...(await readFile(join(documents, document), 'utf8')).matchAll(/```(\w+)\n(.*?)^```/gms)]
    .filter((found) => found[1] === language)
    .map((found) => found[2])

const [react] = await snippets('README.md', 'jsx')
const [vueStore] = await snippets('vue.md', 'js')
const [vueComponent] = await snippets('vue.md', 'vue')
const [svelteStore] = await snippets('svelte.md', 'js')
const [svelteComponent] = await snippets('svelte.md', 'svelte')

const applications = {
  React: {
    'auth.js': "import { createClient } from '@countersign/client'\nexport const auth = createClient('https://auth.example.com', {})",
    'App.jsx': react,
    'main.js': "import { createElement } from 'react'; import { createRoot } from 'react-dom/client'; import { App } from './App.jsx'; import { auth } from './auth.js'; globalThis.auth = auth; createRoot(app).render(createElement(App))",
  },
  Vue: {
    'auth.js': vueStore,
    'App.vue': vueComponent,
    'main.js': "import { createApp } from 'vue'; import App from './App.vue'; import { auth } from './auth.js'; globalThis.auth = auth; createApp(App).mount('#app')",
  },
  Svelte: {
    'auth.js': svelteStore,
    'App.svelte': svelteComponent,
    'main.js': "import { mount } from 'svelte'; import App from './App.svelte'; import { auth } from './auth.js'; globalThis.auth = auth; mount(App, { target: app })",
  },
}

const compilers = {
  vue: (source) => compileScript(parse(source).descriptor, { id: 'app', inlineTemplate: true }).content,
  svelte: (source) => compile(source, { generate: 'client' }).js.code,
}

// The page of an application, as one script.
async function bundle(files, issuer) {
  const { outputFiles } = await build({
    stdin: { contents: files['main.js'], resolveDir: here },
    bundle: true, write: false, format: 'esm', conditions: ['browser', 'svelte'], jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [{
      name: 'snippets',
      setup(build) {
        build.onResolve({ filter: /^\.\/(auth|App)\./ }, ({ path }) => ({ path: path.slice(2), namespace: 'snippet' }))
        build.onLoad({ filter: /.*/, namespace: 'snippet' }, ({ path }) => {
          const kind = path.split('.').at(-1)
          const source = files[path].replace('https://auth.example.com', issuer).replace(/, \{ origins: .*?\}/, '')
          return { contents: compilers[kind]?.(source) ?? source, loader: kind === 'jsx' ? 'jsx' : 'js', resolveDir: here }
        })
      },
    }],
  })
  return outputFiles[0].text
}

let server, browser, pages, origin, script
before(async () => {
  pages = createServer((request, response) => {
    const isScript = request.url === '/main.js'
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html; charset=utf-8')
    response.end(isScript ? script : '<!doctype html><html lang="en"><title>An application</title><main><h1>Orders</h1><div id="app"></div></main><script type="module" src="/main.js"></script>')
  })
  pages.listen(0, '127.0.0.1')
  await once(pages, 'listening')
  origin = `http://127.0.0.1:${pages.address().port}`
  server = await startServer({ COUNTERSIGN_LIMITS__ENABLED: 'false', COUNTERSIGN_APP_ORIGINS: origin }, 'localhost')
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await server?.stop()
  pages?.close()
})

for (const [name, files] of Object.entries(applications)) {
  test(`the documentation's ${name} application`, { timeout: 60_000 }, async () => {
    script = await bundle(files, server.base)
    const context = await browser.newContext()
    const [one, two] = [await context.newPage(), await context.newPage()]
    const faults = []
    for (const tab of [one, two]) {
      tab.on('pageerror', (error) => faults.push(error.message))
      tab.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
      await tab.goto(origin)
      await tab.getByRole('button', { name: 'Sign in' }).waitFor()
    }
    await assertAccessible(one)
    const email = `ada-${randomUUID()}@example.com`
    await one.evaluate((account) => auth.signUp(account).then(() => {}), { email, password })
    for (const tab of [one, two]) await tab.getByText(email).waitFor()
    await assertAccessible(one)
    await two.reload()
    await two.getByText(email).waitFor()
    await two.getByRole('button', { name: 'Sign out' }).click()
    for (const tab of [one, two]) await tab.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.deepEqual(faults, [])
    await context.close()
  })
}

test('React renders on a server, where no one is known to be signed in', async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        import { createElement as h } from 'react'
        import { renderToString } from 'react-dom/server'
        import { createClient } from '@countersign/client'
        import { AuthProvider, SignedIn, SignedOut, useUser } from '@countersign/client/react'
        const User = () => String(useUser())
        const client = createClient('https://auth.example.com')
        export const html = renderToString(h(AuthProvider, { client }, h(User), h(SignedIn, null, 'in'), h(SignedOut, null, 'out')))
        export const outside = () => renderToString(h(User))`,
      resolveDir: here,
    },
    bundle: true, write: false, format: 'esm', platform: 'node', banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
  })
  const { html, outside } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text.replaceAll('import.meta.url', JSON.stringify(import.meta.url))).toString('base64')}`)
  assert.equal(html, 'undefined')
  assert.throws(outside, /AuthProvider/)
})

async function assertAccessible(page) {
  if (!(await page.evaluate(() => Boolean(globalThis.axe)))) await page.evaluate(axe)
  const found = await page.evaluate(async () => (await globalThis.axe.run()).violations.map(({ id }) => id))
  assert.deepEqual(found, [])
}
