// A Countersign server for tests: `countersign dev`, in memory, on a free port. For node:test, Vitest or any other runner.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { debuglog } from 'node:util'

const log = debuglog('countersign')

/** @typedef {{ id: string, email: string, password: string, scopes: string[] }} SeededUser */

/**
 * @typedef {object} Wanted The requested token.
 * @property {string} [user] An email address or an id; an unknown email address is signed up. Default: the first test user.
 * @property {string[]} [scopes] Default: all scopes of the user.
 * @property {string} [lifetime] Such as `15m`; `-1h` returns an expired token.
 * @property {string} [audience] Default: the issuer.
 */

/**
 * @typedef {object} Countersign
 * @property {string} issuer
 * @property {SeededUser[]} users
 * @property {(wanted?: Wanted) => Promise<string>} token A real access token.
 * @property {(token: string) => Promise<void>} revoke Ends the session of a token.
 * @property {{ advance(by: string): Promise<void>, now(): number }} clock The server's clock. To give a guard the
 *   same clock: `createGuard({ issuer, now: auth.clock.now })`.
 * @property {() => Promise<void>} stop
 */

/**
 * Starts the program that `COUNTERSIGN_BIN` names, or `countersign` on the PATH. It ends with this process, even after a
 * crash.
 *
 * @param {{ program?: string, args?: string[] }} [options] `args` go to `countersign dev`
 * @returns {Promise<Countersign>}
 */
export async function startCountersign({ program = process.env.COUNTERSIGN_BIN ?? 'countersign', args = [] } = {}) {
  const { child, issuer, users } = await start(program, args)
  let ahead = 0
  return {
    issuer,
    users,
    async token({ user = users[0]?.email ?? 'ada@example.com', ...wanted } = {}) {
      return (await ask('POST', `${issuer}/dev/tokens`, { user, ...wanted })).access_token
    },
    async revoke(token) {
      const { sid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
      await ask('DELETE', `${issuer}/dev/sessions/${sid}`)
    },
    clock: {
      async advance(by) {
        ahead = Date.parse((await ask('POST', `${issuer}/dev/clock`, { advance: by })).now) - Date.now()
      },
      now: () => Date.now() + ahead,
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.ref()
      child.kill()
      await once(child, 'exit')
    },
  }
}

/**
 * @param {string} program
 * @param {string[]} args
 */
async function start(program, args) {
  const command = ['dev', '--listen', '127.0.0.1:0', '--json', '--until-stdin-closes', ...args]
  const child = spawn(program, command, { stdio: 'pipe' })
  let said = ''
  child.stderr.on('data', (text) => {
    // Its log of every request would clutter the test results.
    log('%s', text)
    said = (said + text).slice(-10_000)
  })
  const failed = once(child, 'close').then(
    ([code, signal]) => `${program} dev ended with ${code ?? signal}: ${said}`,
    (error) => `${program} does not start (${error.message}); set COUNTERSIGN_BIN, or add countersign to the PATH`,
  )
  const lines = createInterface(child.stdout)
  const line = await Promise.race([once(lines, 'line').then(([line]) => ({ line })), failed])
  if (typeof line === 'string') throw new Error(line)
  // Discard later output, so that it does not fill the pipe.
  child.stdout.resume()
  // Lets a test end that forgot to stop it.
  child.unref()
  for (const stream of [child.stdin, child.stdout, child.stderr])
    /** @type {import('node:net').Socket} */ (stream).unref()
  /** @type {{ issuer: string, users: SeededUser[] }} */
  const { issuer, users } = JSON.parse(line.line)
  return { child, issuer, users }
}

/**
 * @param {string} method
 * @param {string} address
 * @param {object} [body]
 * @returns {Promise<any>}
 */
async function ask(method, address, body) {
  const answer = await fetch(address, {
    method,
    ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${address} responded with ${answer.status}: ${text}`)
  return text && JSON.parse(text)
}
