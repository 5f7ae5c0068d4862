// A Countersign server with a mail server that accepts every email, and a browser that reports all errors.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { simpleParser } from 'mailparser'
import { chromium } from 'playwright-core'
import { SMTPServer } from 'smtp-server'

export const password = 'a long umbrella'
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

// Accepts every email and returns each once.
export async function startMailServer() {
  const mails = []
  const all = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, done) {
      simpleParser(stream).then((mail) => (mails.push(read(mail)), all.push(mails.at(-1)), done()), done)
    },
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  return {
    url: `smtp://127.0.0.1:${server.server.address().port}`,
    mails,
    // All received emails.
    all,
    // The first email to this recipient that was not returned yet and whose link matches.
    async next(to, link) {
      for (let attempt = 0; attempt < 200; attempt++) {
        const found = mails.findIndex((mail) => mail.to === to && link.test(mail.link))
        if (found >= 0) return mails.splice(found, 1)[0]
        await pause(100)
      }
      assert.fail(`no mail to ${to} with ${link}; there are: ${mails.map((mail) => `${mail.to}: ${mail.subject}`)}`)
    },
    stop: () => new Promise((stopped) => server.close(stopped)),
  }
}

function read(mail) {
  const line = (pattern) => mail.text.match(pattern)?.[0]
  return { to: mail.to.text, subject: mail.subject, html: mail.html, text: mail.text, link: line(/^http\S+$/m), code: line(/^\d{6}$/m) }
}

// No limits, and the cheapest hashes that are accepted.
const quick = {
  COUNTERSIGN_LIMITS__ENABLED: 'false',
  COUNTERSIGN_PASSWORDS__MEMORY_KIB: '7168',
  COUNTERSIGN_PASSWORDS__ITERATIONS: '5',
}

// `file` is the text of the settings file, `port` one that a proxy in front of the server was told.
export async function startServer(settings = {}, file = '', port) {
  const program = process.env.COUNTERSIGN_TEST_BIN
  assert(program, "COUNTERSIGN_TEST_BIN must name the server's program; scripts/test pages sets it")
  const folder = await mkdtemp(join(tmpdir(), 'countersign-pages-'))
  const base = `http://127.0.0.1:${port ?? (await freePort())}`
  await writeFile(join(folder, 'countersign.toml'), file)
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_')))
  const child = spawn(program, ['serve', '--listen', new URL(base).host], {
    cwd: folder,
    env: { ...env, ...quick, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stdout.on('data', (text) => (log += text))
  child.stderr.on('data', (text) => (log += text))
  for (let attempt = 0; ; attempt++) {
    assert.ok(child.exitCode === null && attempt < 300, `the server did not start:\n${log}`)
    if ((await fetch(`${base}/readyz`).catch(() => undefined))?.status === 200) break
    await pause(100)
  }
  return {
    base,
    log: () => log,
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGTERM')
        const late = setTimeout(() => child.kill('SIGKILL'), 30_000)
        await once(child, 'exit')
        clearTimeout(late)
      }
      await rm(folder, { recursive: true })
    },
  }
}

// What Playwright disables, repeated because only the last such list counts, and the address bar's suggestions, for which Chromium
// starts a renderer in each window.
const disabled = [
  'AimEnabled', 'AvoidCorsURLLoaderRestartOnRedirect', 'AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable', 'HttpsUpgrades', 'LensOverlay', 'MediaRouter', 'NetworkTimeServiceQuerying',
  'OptimizationHints', 'PaintHolding', 'PreconnectToSearch', 'ThirdPartyStoragePartitioning',
  'WebUIOmniboxAimPopup', 'WebUIOmniboxFullPopup', 'WebUIOmniboxPopup',
]

// Starts a Chromium without a user interface if there is one: it has the browser's engine and needs half of the CPU time.
export const startBrowser = (more) => launch(process.env.COUNTERSIGN_TEST_HEADLESS || process.env.CHROMIUM, more)

// Starts the browser itself, for tests of its password manager, history, downloads, prompts and cookie settings.
export const startWholeBrowser = (more) => launch(process.env.CHROMIUM, more)

function launch(executablePath, more = []) {
  assert.ok(executablePath, 'CHROMIUM must name a Chromium; scripts/test pages sets it')
  return chromium.launch({
    executablePath,
    args: [
      ...(process.getuid() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--force-device-scale-factor=1',
      `--disable-features=${disabled}`,
      ...more,
    ],
  })
}

// A page in a new browser, and all errors in its console.
export async function visit(browser, base, options = {}) {
  const context = await browser.newContext({ baseURL: base, locale: 'en-GB', viewport: { width: 1000, height: 900 }, ...options })
  const page = await context.newPage()
  const complaints = []
  page.on('console', (message) => {
    // Chromium logs every response with 4xx, including expected ones of forms.
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) complaints.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`))
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    if (protocol !== 'data:' && origin !== base) complaints.push(`outside: ${request.url()}`)
  })
  return { page, context, complaints }
}

const debuggers = new WeakMap()

// No violations of WCAG 2.2 AA or axe's best practices, in any state of the page.
export async function assertAccessible(page, name) {
  // Through the debugger, like an extension, because the page's own policy blocks scripts. By `Runtime.evaluate`, so that
  // Chromium keeps the compiled script for the next page.
  if (!(await page.evaluate(() => Boolean(globalThis.axe)))) {
    if (!debuggers.has(page)) debuggers.set(page, await page.context().newCDPSession(page))
    await debuggers.get(page).send('Runtime.evaluate', { expression: axe })
  }
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join(' | ')}`)
  })
  assert.deepEqual(found, [], name)
}

export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}
