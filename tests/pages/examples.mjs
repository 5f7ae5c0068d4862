// Starts the programs of examples/ as their README says.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { password } from './support.mjs'

const here = import.meta.dirname
const bin = (name) => join(here, 'node_modules', name)

export const programs = {
  vite: bin('vite/bin/vite.js'),
  next: bin('next/dist/bin/next'),
}

// Runs a program to its end.
export async function run(folder, command, env) {
  const { child, log } = begin(folder, command, env)
  const [code] = await once(child, 'close')
  assert.equal(code, 0, log())
}

// Runs a program until `stop`, once it answers at this URL.
export async function start(folder, command, env, url) {
  const { child, log } = begin(folder, command, env)
  for (let attempt = 0; ; attempt++) {
    assert.ok(child.exitCode === null && attempt < 300, `${command} did not start:\n${log()}`)
    if (await fetch(url).catch(() => undefined)) break
    await pause(100)
  }
  return {
    log,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await once(child, 'exit')
      clearTimeout(late)
    },
  }
}

// On the hosted pages: from the form to sign in, creates an account and continues.
export async function signUpOnPages(page, email) {
  await page.locator('main a[href^="/signup"]').first().click()
  await page.fill('#email', email)
  await page.fill('#password', password)
  await page.locator('main form button:not([type=button])').first().click()
  // It could be confirmed now.
  await page.waitForURL(/\/verify\/code\b/)
  await page.locator('main a.button.full').click()
}

function begin(folder, [program, ...args], env) {
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...process.env, ...env, NEXT_TELEMETRY_DISABLED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (more) => (text += more))
  return { child, log: () => text }
}
