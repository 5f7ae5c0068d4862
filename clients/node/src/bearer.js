// Finds the bearer token of a request (RFC 6750 §2.1). Queries and forms are never looked at (RFC 9700 §4.3.2).

import { Denied } from './denied.js'

/**
 * Anything with headers: a fetch `Request`, Node's `IncomingMessage`, an event of a cloud function.
 *
 * @typedef {object} Headed
 * @property {Headers | Record<string, string | string[] | undefined>} headers
 * @property {string[]} [rawHeaders] Node's list of names and values, in which a header that came twice stands twice.
 */

/**
 * @param {Headed} request
 * @param {string} realm
 * @returns {string}
 * @throws {Denied}
 */
export function bearerToken(request, realm) {
  const [value, ...others] = credentials(request)
  if (value === undefined) throw Denied.missing(realm)
  const [, scheme, token] = /^([^ ]*) *(.*)$/s.exec(value) ?? []
  // RFC 9110 §11.1: the scheme's case does not matter.
  const bearer = scheme?.toLowerCase() === 'bearer'
  if (!bearer && others.length === 0) throw Denied.missing(realm)
  // Headers of fetch join what came twice with a comma: that is one value here, and no token.
  if (!token || !bearer || others.length > 0) {
    throw Denied.invalid(realm, 'The Authorization header is not of the form "Bearer <token>".')
  }
  return token
}

/**
 * @param {Headed} request
 * @returns {string[]}
 */
function credentials({ headers, rawHeaders }) {
  if (headers instanceof Headers) return [headers.get('authorization') ?? []].flat()
  // Node keeps only the first of several in `headers`; the raw list has them all.
  if (rawHeaders) return rawHeaders.filter((_, at) => at % 2 === 1 && isAuthorization(rawHeaders[at - 1]))
  return Object.entries(headers).flatMap(([name, value]) => (isAuthorization(name) ? (value ?? []) : []))
}

/** @param {string | undefined} name */
function isAuthorization(name) {
  return name?.toLowerCase() === 'authorization'
}
