// Fastify: hooks that reject requests, and `request.user`.

import { Denied, requireScope as demand } from './denied.js'
import { callerOf, requireUser } from './token.js'

/**
 * @typedef {object} Request
 * @property {import('node:http').IncomingMessage} raw
 * @property {import('./token.js').User | undefined} [user]
 * @property {import('./token.js').Caller | undefined} [caller]
 */
/**
 * @typedef {object} Reply
 * @property {(status: number) => Reply} code
 * @property {(headers: Record<string, string>) => Reply} headers
 * @property {(body: string) => unknown} send
 */
/** @typedef {(request: any, reply: any) => Promise<unknown>} Hook */

/**
 * Admits only users with a valid token: `app.addHook('onRequest', protect(guard))`. A client's token gets 403.
 *
 * With `{ clients: true }`, clients on their own behalf are admitted too. `request.caller` is the user or the client, and
 * `request.user` is `undefined` for a client.
 *
 * @param {import('./guard.js').Guard} guard
 * @param {{ clients?: boolean }} [options]
 * @returns {Hook}
 */
export function protect(guard, { clients = false } = {}) {
  return refusing(async (request) => {
    const token = await guard.authenticate(request.raw)
    const caller = callerOf(token)
    request.user = clients && caller.kind === 'client' ? undefined : requireUser(token)
    request.caller = caller
  })
}

/**
 * Admits only callers whose token has a scope:
 * `app.post('/products', { onRequest: requireScope('products:write') }, …)`. Use it after `protect`.
 *
 * @param {string} scope
 * @returns {Hook}
 */
export function requireScope(scope) {
  return refusing(async ({ caller }) => {
    if (!caller) throw new Error('requireScope needs protect(guard) before it')
    demand(caller, scope)
  })
}

/**
 * @param {(request: Request) => Promise<void>} check
 * @returns {Hook}
 */
function refusing(check) {
  return async (request, /** @type {Reply} */ reply) => {
    try {
      await check(request)
    } catch (error) {
      if (!(error instanceof Denied)) throw error
      return reply.code(error.status).headers(error.headers).send(JSON.stringify(error.body))
    }
    return undefined
  }
}
