// Why a request was rejected, and the response according to RFC 6750 §3 and RFC 9457.

import { STATUS_CODES } from 'node:http'

/**
 * The body of the response (RFC 9457 §3), `application/problem+json`.
 *
 * @typedef {object} Problem
 * @property {string} type
 * @property {string} title
 * @property {number} status
 * @property {string} detail
 * @property {string} code `missing_token`, `invalid_token`, `insufficient_scope`, `origin_not_allowed` or `unavailable`.
 */

export const REVOKED = 'The token has been revoked.'

const BRAND = Symbol.for('@countersign/guard/denied')

/** A rejected request, with the complete response: status, headers, body. */
export class Denied extends Error {
  /**
   * Also matches errors of another copy of this package, because a program may load it as an ES module and as CommonJS.
   *
   * @override
   * @param {unknown} value
   * @returns {boolean}
   */
  static [Symbol.hasInstance](value) {
    return typeof value === 'object' && value !== null && BRAND in value
  }

  /** @type {number} 401, 403 or 503 */
  status
  /** @type {string} a stable name for programs */
  code
  /** @type {Record<string, string>} */
  headers
  /** @type {Problem} */
  body

  /**
   * @param {number} status
   * @param {string} code
   * @param {string} detail
   * @param {Record<string, string>} headers
   * @param {unknown} [cause] for the log, not for the client
   */
  constructor(status, code, detail, headers, cause) {
    super(detail, { cause })
    this.name = 'Denied'
    Object.defineProperty(this, BRAND, { value: true })
    this.status = status
    this.code = code
    this.headers = { 'Content-Type': 'application/problem+json', ...headers }
    this.body = { type: 'about:blank', title: STATUS_CODES[status] ?? '', status, detail, code }
  }

  /**
   * Returns the response for frameworks that use fetch.
   *
   * @returns {Response}
   */
  toResponse() {
    return new Response(JSON.stringify(this.body), { status: this.status, headers: this.headers })
  }

  /** @param {string} realm */
  static missing(realm) {
    // RFC 6750 §3.1: a request without a token gets no error code.
    return new Denied(401, 'missing_token', 'This route requires a bearer token.', challenge({ realm }))
  }

  /**
   * @param {string} realm
   * @param {string} detail
   * @param {unknown} [cause]
   */
  static invalid(realm, detail, cause) {
    const headers = challenge({ realm, error: 'invalid_token', error_description: detail })
    return new Denied(401, 'invalid_token', detail, headers, cause)
  }

  /** @param {string} realm */
  static userRequired(realm) {
    const detail = "This route requires the token of a user, but the token belongs to a client."
    const headers = challenge({ realm, error: 'insufficient_scope', error_description: detail })
    return new Denied(403, 'insufficient_scope', detail, headers)
  }

  /**
   * @param {string} detail
   * @param {unknown} [cause]
   * @param {string} [seconds] when to try again
   */
  static unavailable(detail, cause, seconds = '1') {
    return new Denied(503, 'unavailable', detail, { 'Retry-After': seconds }, cause)
  }
}

/**
 * Rejects a token or user without a scope.
 *
 * @param {Pick<import('./token.js').VerifiedToken, 'scopes' | 'claims'>} token
 * @param {string} scope
 * @throws {Denied} 403
 */
export function requireScope(token, scope) {
  if (token.scopes.includes(scope)) return
  const headers = challenge({ realm: String(token.claims.iss), error: 'insufficient_scope', scope })
  throw new Denied(403, 'insufficient_scope', `The token lacks the scope "${scope}".`, headers)
}

/**
 * @param {Record<string, string>} parameters
 * @returns {Record<string, string>}
 */
function challenge(parameters) {
  // RFC 6750 §3: printable ASCII without quotation mark and backslash.
  const quoted = Object.entries(parameters).map(
    ([name, value]) => `${name}="${value.replace(/["\\]/g, "'").replace(/[^ -~]/g, '?')}"`,
  )
  return { 'WWW-Authenticate': `Bearer ${quoted.join(', ')}` }
}
