// Express, and any framework that calls (request, response, next) with Node's own objects.

/// <reference path="./globals.d.ts" preserve="true" />

import { Denied, requireScope as demand } from './denied.js'
import { requireUser } from './token.js'

/** @typedef {import('node:http').IncomingMessage & { user?: import('./token.js').User | undefined }} Request */
/** @typedef {import('node:http').ServerResponse} Response */
/** @typedef {(request: Request, response: Response, next: (error?: any) => void) => void} Handler */

/**
 * Admits only users with a valid token, as `req.user`: `app.use(protect(guard))`. A client's token is answered 403.
 *
 * @param {import('./guard.js').Guard} guard
 * @returns {Handler}
 */
export function protect(guard) {
  return (request, response, next) => {
    guard.authenticate(request).then(
      (token) => {
        try {
          request.user = requireUser(token)
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
 * Admits only users whose token has a scope: `app.post('/products', requireScope('products:write'), …)`. Use it after
 * `protect`.
 *
 * @param {string} scope
 * @returns {Handler}
 */
export function requireScope(scope) {
  return (request, response, next) => {
    if (!request.user) return next(new Error('requireScope needs protect(guard) before it'))
    try {
      demand(request.user, scope)
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
