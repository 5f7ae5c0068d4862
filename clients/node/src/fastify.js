// Fastify: hooks that reject requests, and `request.user`.

import { Denied, requireScope as demand } from './denied.js'
import { requireUser } from './token.js'

/** @typedef {{ raw: import('node:http').IncomingMessage, user?: import('./token.js').User }} Request */
/**
 * @typedef {object} Reply
 * @property {(status: number) => Reply} code
 * @property {(headers: Record<string, string>) => Reply} headers
 * @property {(body: string) => unknown} send
 */
/** @typedef {(request: any, reply: any) => Promise<unknown>} Hook */

/**
 * Admits only users with a valid token: `app.addHook('onRequest', protect(guard))`. A client's token is answered 403.
 *
 * @param {import('./guard.js').Guard} guard
 * @returns {Hook}
 */
export function protect(guard) {
  return refusing(async (request) => {
    request.user = requireUser(await guard.authenticate(request.raw))
  })
}

/**
 * Admits only users whose token has a scope:
 * `app.post('/products', { onRequest: requireScope('products:write') }, …)`. Use it after `protect`.
 *
 * @param {string} scope
 * @returns {Hook}
 */
export function requireScope(scope) {
  return refusing(async ({ user }) => {
    if (!user) throw new Error('requireScope needs protect(guard) before it')
    demand(user, scope)
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
