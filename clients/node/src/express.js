// Express, and any framework that calls (request, response, next) with Node's own objects.

/// <reference path="./globals.d.ts" preserve="true" />

import { Denied, requireScope as demand } from './denied.js'
import { callerOf, requireUser } from './token.js'

/**
 * @typedef {import('node:http').IncomingMessage & {
 *   user?: import('./token.js').User | undefined,
 *   caller?: import('./token.js').Caller | undefined,
 * }} Request
 */
/** @typedef {import('node:http').ServerResponse} Response */
/** @typedef {(request: Request, response: Response, next: (error?: any) => void) => void} Handler */

/**
 * Admits only users with a valid token, as `req.user`: `app.use(protect(guard))`. A client's token gets 403.
 *
 * With `{ clients: true }`, clients on their own behalf are admitted too. `req.caller` is the user or the client, and
 * `req.user` is `undefined` for a client.
 *
 * @param {import('./guard.js').Guard} guard
 * @param {{ clients?: boolean }} [options]
 * @returns {Handler}
 */
export function protect(guard, { clients = false } = {}) {
  return (request, response, next) => {
    guard.authenticate(request).then(
      (token) => {
        try {
          const caller = callerOf(token)
          request.user = clients && caller.kind === 'client' ? undefined : requireUser(token)
          request.caller = caller
        } catch (error) {
          return refuse(error, response, next)
        }
        next()
      },
      (error) => refuse(error, response, next),
    )
  }
}

/**
 * Admits only callers whose token has a scope: `app.post('/products', requireScope('products:write'), …)`. Use it after
 * `protect`.
 *
 * @param {string} scope
 * @returns {Handler}
 */
export function requireScope(scope) {
  return (request, response, next) => {
    if (!request.caller) return next(new Error('requireScope needs protect(guard) before it'))
    try {
      demand(request.caller, scope)
    } catch (error) {
      return refuse(error, response, next)
    }
    next()
  }
}

/**
 * @param {unknown} error
 * @param {Response} response
 * @param {(error?: any) => void} next
 */
function refuse(error, response, next) {
  if (!(error instanceof Denied)) return next(error)
  response.writeHead(error.status, error.headers).end(JSON.stringify(error.body))
}
