// examples/web-app behind the real proxies, in a real browser: on a host of its own, on a subdomain with TLS, and on the
// issuer's own host.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { assertAccessible, freePort, password, startBrowser, startServer } from './support.mjs'

const root = process.env.COUNTERSIGN_TEST_ROOT
const folders = []
const children = []
let browser, application

before(async () => {
  assert(root, 'COUNTERSIGN_TEST_ROOT must name the root of the repository; scripts/test pages sets it')
  browser = await startBrowser(['--host-resolver-rules=MAP *.example.test 127.0.0.1'])
  application = await freePort()
  const child = run(process.execPath, [join(root, 'examples/web-app/main.js')], { env: { PATH: process.env.PATH, PORT: String(application) } })
  await listens(child, application)
})
after(async () => {
  await browser?.close()
  for (const child of children) {
    child.kill('SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const proxies = {
  nginx(folder, ports, around = (text) => text) {
    cpSync(join(root, 'infra/nginx'), folder, { recursive: true })
    edit(join(folder, 'web-application.conf'), (text) => around(with_ports(text, ports)))
    edit(join(folder, 'nginx.conf'), (text) => text.replaceAll('/tmp/countersign-nginx', `${folder}/nginx`))
    // As root, nginx would run its workers as a user who cannot enter the folder.
    const user = process.getuid() === 0 ? ['-g', 'user root;'] : []
    return [process.env.COUNTERSIGN_TEST_NGINX, ['-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf'), ...user]]
  },
  caddy(folder, ports) {
    const text = readFileSync(join(root, 'infra/caddy/web-application.Caddyfile'), 'utf8')
    // The name of the site, as the guide says.
    const recipe = with_ports(text.replace('http://127.0.0.1:8080', `http://app.localhost:${ports[8080]}`), ports)
    writeFileSync(join(folder, 'Caddyfile'), `{\n\tadmin off\n}\n${recipe}`)
    return [process.env.COUNTERSIGN_TEST_CADDY, ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile']]
  },
  traefik(folder, ports) {
    cpSync(join(root, 'infra/traefik'), folder, { recursive: true })
    edit(join(folder, 'web-application.yml'), (text) => with_ports(text, ports))
    edit(join(folder, 'traefik.yml'), (text) => with_ports(text, ports).replace('filename: infra/traefik/', `filename: ${folder}/`))
    return [process.env.COUNTERSIGN_TEST_TRAEFIK, [`--configFile=${join(folder, 'traefik.yml')}`]]
  },
}

for (const name of Object.keys(proxies)) {
  for (const javaScriptEnabled of [true, false]) {
    test(`behind ${name}, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, { timeout: 120_000 }, async () => {
      const server = await startServer({ COUNTERSIGN_TRUSTED_PROXIES: '127.0.0.1', COUNTERSIGN_EMAIL_VERIFICATION: 'off' })
      try {
        const ports = { 8000: new URL(server.base).port, 3000: application, 8080: await freePort() }
        await startProxy(name, ports)
        const context = await browser.newContext({ locale: 'en-GB', javaScriptEnabled })
        await walk(context, server, `http://app.localhost:${ports[8080]}`, server.base, javaScriptEnabled)
        await context.close()
      } finally {
        await server.stop()
      }
    })
  }
}

test('on a subdomain with TLS, beside a sibling that attacks it', { timeout: 120_000 }, async () => {
  const [port, listen] = [await freePort(), await freePort()]
  const [issuer, app, evil] = ['auth', 'app', 'evil'].map((name) => `https://${name}.example.test:${port}`)
  const server = await startServer({
    COUNTERSIGN_ISSUER: issuer,
    COUNTERSIGN_TRUSTED_PROXIES: '127.0.0.1',
    COUNTERSIGN_EMAIL_VERIFICATION: 'off',
    COUNTERSIGN_APP_ORIGINS: app,
  }, '', listen)
  try {
    const around = (text, folder) => `${secure(text, port, 'app.example.test', folder)}
      server { listen 127.0.0.1:${port} ssl; server_name auth.example.test; location / { include snippets/countersign-pass.conf; } }`
    await startProxy('nginx', { 8000: listen, 3000: application }, around)
    const context = await browser.newContext({ locale: 'en-GB', ignoreHTTPSErrors: true })
    const page = await walk(context, server, app, issuer)
    const cookies = await context.cookies()
    const session = cookies.filter(({ name }) => name.startsWith('__Host-countersign'))
    assert.ok(session.length > 0)
    for (const { name, secure, httpOnly, path } of session) assert.deepEqual([secure, httpOnly, path], [true, true, '/'], name)

    // Signed in again, and on a page of a sibling, which SameSite does not stop.
    await signIn(page, server, app, 'ada')
    await page.getByLabel('New note').fill('mine')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('mine').waitFor()
    await context.route(`${evil}/**`, (route) => route.fulfill({ contentType: 'text/html', body: '<title>evil</title>' }))
    const attacker = await context.newPage()
    await attacker.goto(`${evil}/`)
    const answer = attacker.waitForResponse((response) => response.request().method() === 'POST')
    await attacker.evaluate((action) => {
      const form = Object.assign(document.createElement('form'), { action, method: 'post' })
      form.append(Object.assign(document.createElement('input'), { name: 'note', value: 'stolen' }))
      document.body.append(form)
      form.submit()
    }, `${app}/`)
    assert.equal((await answer).status(), 403)
    await attacker.waitForURL(`${app}/`)
    await attacker.goto(`${evil}/`)
    const read = await attacker.evaluate(async (url) => {
      const tried = {}
      tried.cors = await fetch(url, { credentials: 'include' }).then((response) => response.text(), () => 'refused')
      tried.blind = await fetch(url, { credentials: 'include', mode: 'no-cors', method: 'POST', body: 'note=stolen' }).then(() => 'sent', () => 'refused')
      tried.socket = await new Promise((done) => {
        const socket = new WebSocket(url.replace('https', 'wss'))
        socket.onopen = () => done('open')
        socket.onerror = () => done('refused')
      })
      return tried
    }, `${app}/`)
    assert.equal(read.cors, 'refused')
    assert.equal(read.socket, 'refused')
    await page.reload()
    assert.equal(await page.getByText('stolen').count(), 0)
    assert.equal(await page.getByText('mine').count(), 1)
    // A planted cookie of the parent domain is not the application's.
    await attacker.goto(`${evil}/`)
    await attacker.evaluate(() => {
      document.cookie = '__Host-countersign-app=planted; Domain=example.test; Path=/; Secure'
      document.cookie = 'countersign-app=planted; Domain=example.test; Path=/; Secure'
    })
    await page.reload()
    await page.getByText('Signed in as').waitFor()
    // A link with another user's code does not sign the browser in.
    const thief = await browser.newContext({ ignoreHTTPSErrors: true })
    await signIn(await thief.newPage(), server, app, 'eve')
    await thief.clearCookies({ name: '__Host-countersign-app' })
    await thief.clearCookies({ name: `__Host-countersign-app-${port}` })
    let link = `${app}/`
    for (let step = 0; step < 2; step++) {
      link = await redirection(link, await thief.cookies(link))
    }
    assert.match(link, /\/\.countersign\/callback\?code=csx_/)
    const victim = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB' })
    const lured = await victim.newPage()
    await lured.goto(link)
    await lured.getByText('finish signing you in').waitFor()
    assert.equal(new URL(lured.url()).origin, issuer)
    await lured.goto(`${app}/`)
    assert.equal(new URL(lured.url()).pathname, '/signin')
    for (const each of [context, thief, victim]) await each.close()
  } finally {
    await server.stop()
  }
})

test('on the host of the issuer', { timeout: 120_000 }, async () => {
  const [port, listen] = [await freePort(), await freePort()]
  const app = `https://one.example.test:${port}`
  const server = await startServer({ COUNTERSIGN_ISSUER: app, COUNTERSIGN_TRUSTED_PROXIES: '127.0.0.1', COUNTERSIGN_EMAIL_VERIFICATION: 'off' }, '', listen)
  try {
    const around = (text, folder) => secure(text, port, 'one.example.test', folder).replace('# include snippets/countersign-pages', 'include snippets/countersign-pages')
    await startProxy('nginx', { 8000: listen, 3000: application }, around)
    const context = await browser.newContext({ locale: 'en-GB', ignoreHTTPSErrors: true })
    await walk(context, server, app, app)
    await context.close()
  } finally {
    await server.stop()
  }
})

// From the application to the sign-in page and back, through the application, and out again.
async function walk(context, server, app, issuer, javaScriptEnabled = true) {
  const page = await context.newPage()
  // The deep link survives.
  await signIn(page, server, `${app}/lists/7?sort=up`, 'ada', undefined, issuer)
  assert.equal(page.url(), `${app}/lists/7?sort=up`)
  assert.match(await page.locator('main').innerText(), /Signed in as ada-\S+@example\.com/)
  // Forms, reload, a second tab, Back.
  await page.goto(`${app}/`)
  await page.getByLabel('New note').fill('<b>milk</b>')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('<b>milk</b>').waitFor()
  await page.reload()
  await page.getByText('<b>milk</b>').waitFor()
  if (javaScriptEnabled) await assertAccessible(page, 'examples/web-app')
  const tab = await context.newPage()
  assert.equal((await tab.goto(`${app}/second`)).status(), 200)
  // The application never sees the cookies, and scripts cannot read them.
  const visible = await page.evaluate(() => document.cookie).catch(() => '')
  assert.doesNotMatch(visible, /countersign/)
  // Out, by the application's own link.
  await page.getByRole('link', { name: 'Sign out' }).click()
  await page.waitForURL(`${issuer}/signin?**`)
  await tab.goto(`${app}/second`)
  assert.equal(new URL(tab.url()).pathname, '/signin')
  await page.goto(`${issuer}/account`)
  assert.equal(new URL(page.url()).pathname, '/signin')
  await tab.close()
  return page
}

const accounts = new Map()

async function signIn(page, server, wanted, name, arrive = (page) => page.getByText('Signed in as').waitFor(), issuer) {
  await page.goto(wanted).catch(() => {})
  if (issuer) assert.equal(new URL(page.url()).origin, issuer)
  assert.equal(new URL(page.url()).pathname, '/signin')
  const key = `${server.base} ${name}`
  if (!accounts.has(key)) {
    const email = `${name}-${accounts.size}@example.com`
    const answer = await fetch(`${server.base}/api/auth/register`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ email, password }),
    })
    assert.equal(answer.status, 201)
    accounts.set(key, email)
  }
  await page.locator('input[name=email]').fill(accounts.get(key))
  await page.locator('input[name=password]').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await arrive(page)
}

// Where a page redirects to, without following it.
async function redirection(url, cookies) {
  const { host, hostname, port, pathname, search } = new URL(url)
  const headers = { Host: host, Accept: 'text/html', Cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; ') }
  const asked = request({ host: '127.0.0.1', servername: hostname, port, path: pathname + search, headers, rejectUnauthorized: false }).end()
  const [answer] = await once(asked, 'response')
  answer.resume()
  return answer.headers.location
}

async function startProxy(name, ports, around) {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-proxy-'))
  folders.push(folder)
  const [program, words] = proxies[name](folder, ports, around && ((text) => around(text, folder)))
  assert.ok(program, `COUNTERSIGN_TEST_${name.toUpperCase()} must name ${name}; scripts/test pages sets it`)
  const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
  const child = run(program, words, { cwd: folder, env })
  const port = ports[8080] ?? Number(/listen 127\.0\.0\.1:(\d+) ssl/.exec(readFileSync(join(folder, 'web-application.conf'), 'utf8'))[1])
  await listens(child, port)
  // Traefik listens before it has read its routes.
  for (let attempt = 0; name === 'traefik' && attempt < 200 && (await fetch(`http://127.0.0.1:${port}/`)).status === 404; attempt++) {
    await pause(50)
  }
}

// The recipe as the guide says: with a name and a certificate.
function secure(text, port, name, folder) {
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:*.example.test', '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  const tls = `ssl_certificate ${certificate}; ssl_certificate_key ${key};`
  return `${tls}\n${text.replace('listen 127.0.0.1:8080;', `listen 127.0.0.1:${port} ssl; server_name ${name};`)}`
}

function with_ports(text, ports) {
  for (const [before, now] of Object.entries(ports)) {
    text = text.replaceAll(`127.0.0.1:${before}`, `127.0.0.1:${now}`)
  }
  return text
}

function edit(file, change) {
  writeFileSync(file, change(readFileSync(file, 'utf8')))
}

function run(program, words, options) {
  const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  child.log = ''
  child.stdout.on('data', (text) => (child.log += text))
  child.stderr.on('data', (text) => (child.log += text))
  children.push(child)
  return child
}

async function listens(child, port) {
  for (let attempt = 0; attempt < 200; attempt++) {
    assert.equal(child.exitCode, null, child.log)
    const socket = connect(port, '127.0.0.1')
    const open = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(() => false)
    socket.destroy()
    if (open) return
    await pause(50)
  }
  assert.fail(`nothing listens on ${port}:\n${child.log}`)
}
