// A Countersign server for a test file: the program COUNTERSIGN_TEST_BIN, an embedded database and keys in a temporary
// folder, a free port. Stopped by its process id.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export const password = 'a long umbrella'

// `file`: the text of its settings file.
export async function startServer(settings = {}, host = '127.0.0.1', file = '') {
  const program = process.env.COUNTERSIGN_TEST_BIN
  assert(program, "COUNTERSIGN_TEST_BIN must name the server's program; scripts/test clients sets it")
  const folder = await mkdtemp(join(tmpdir(), 'countersign-node-'))
  if (file) await writeFile(join(folder, 'countersign.toml'), file)
  const port = await freePort()
  const base = `http://${host}:${port}`
  // Settings in the environment of the tests do not apply to the server.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_')))
  const options = { cwd: folder, env: { ...env, ...settings }, stdio: ['ignore', 'pipe', 'pipe'] }
  let child
  let log = ''
  const server = {
    base,
    register: () => register(base),
    log: () => log,
    async start() {
      child = spawn(program, ['serve', '--listen', `127.0.0.1:${port}`, '--issuer', base], options)
      child.stdout.on('data', (text) => (log += text))
      child.stderr.on('data', (text) => (log += text))
      await ready(base, child, () => log)
    },
    // The database and the keys stay, for another start.
    async halt() {
      if (child.exitCode === null) {
        child.kill('SIGTERM')
        const late = setTimeout(() => child.kill('SIGKILL'), 30_000)
        await once(child, 'exit')
        clearTimeout(late)
      }
    },
    async stop() {
      await server.halt()
      await rm(folder, { recursive: true })
    },
  }
  await server.start()
  return server
}

// Signs up a new user and signs in.
async function register(base) {
  const email = `grace-${randomUUID()}@example.com`
  const registered = await fetch(`${base}/api/auth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email, password }),
  })
  assert.equal(registered.status, 201)
  const signedIn = await fetch(`${base}/api/auth/login`, {
    method: 'POST',
    body: new URLSearchParams({ username: email, password }),
  })
  assert.equal(signedIn.status, 200)
  return { account: await registered.json(), tokens: await signedIn.json() }
}

async function ready(base, child, log) {
  for (let attempt = 0; attempt < 300; attempt++) {
    assert.equal(child.exitCode, null, `the server did not start:\n${log()}`)
    const answer = await fetch(`${base}/readyz`).catch(() => undefined)
    if (answer?.status === 200) return
    await pause(100)
  }
  child.kill('SIGKILL')
  assert.fail(`the server is not ready:\n${log()}`)
}

export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}
