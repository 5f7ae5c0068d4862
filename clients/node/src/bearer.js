// Finds the bearer token of a request (RFC 6750 §2.1). Queries and forms are ignored (RFC 9700 §4.3.2).

import { types } from 'node:util'
import { Denied } from './denied.js'

/**
 * Anything with headers: a fetch `Request`, Node's `IncomingMessage`, or an event of a cloud function. The headers are an
 * object with `get` like fetch's, a `Map`, or a plain object.
 *
 * @typedef {object} Headed
 * @property {Fetched | ReadonlyMap<string, Value> | Readonly<Record<string, Value>>} headers
 * @property {string[]} [rawHeaders] Node's list of names and values, which keeps duplicate headers.
 */

/** @typedef {{ get(name: string): string | null | undefined }} Fetched Headers like fetch's, from this realm or another. */
/** @typedef {string | readonly string[] | undefined} Value */

/**
 * @param {Headed} request
 * @param {string} realm
 * @returns {string}
 * @throws {Denied}
 * @throws {TypeError} if the headers cannot be read, which is a programming error
 */
export function bearerToken(request, realm) {
  const [value, ...others] = credentials(request)
  if (value === undefined) throw Denied.missing(realm)
  const [, scheme, token] = /^([^ ]*) *(.*)$/s.exec(value) ?? []
  // RFC 9110 §11.1: the scheme is case-insensitive.
  const bearer = scheme?.toLowerCase() === 'bearer'
  if (!bearer && others.length === 0) throw Denied.missing(realm)
  // fetch joins duplicate headers with a comma, which is one value here and not a token.
  if (!token || !bearer || others.length > 0) {
    throw Denied.invalid(realm, 'The Authorization header must have the form "Bearer <token>".')
  }
  return token
}

/**
 * @param {Headed} request
 * @returns {string[]}
 */
function credentials(request) {
  const { headers, rawHeaders } = request ?? {}
  // Node keeps only the first duplicate in `headers`; the raw list has all. A value missing there may have been added to
  // `headers` later.
  const raw = Array.isArray(rawHeaders) ? rawHeaders.filter((_, at) => at % 2 === 1 && isAuthorization(rawHeaders[at - 1])) : []
  return raw.length > 0 ? raw : values(headers).flatMap(texts)
}

/**
 * Returns every value of the header, whatever type the headers have.
 *
 * @param {unknown} headers
 * @returns {unknown[]}
 */
function values(headers) {
  if (types.isMap(headers)) return named([...headers])
  if (typeof headers === 'object' && headers !== null) {
    // Not `instanceof Headers`: there are others (node-fetch, undici, the realm of a test runner).
    if ('get' in headers && typeof headers.get === 'function') return [headers.get('authorization')]
    if (isPlain(headers)) return named(Object.entries(headers))
  }
  throw new TypeError('@countersign/guard: headers must have get(name), or be a Map or a plain object.')
}

/** @param {[unknown, unknown][]} entries */
function named(entries) {
  return entries.filter(([name]) => isAuthorization(name)).map(([, value]) => value)
}

/**
 * @param {unknown} value
 * @returns {string[]}
 */
function texts(value) {
  if (value === undefined || value === null) return []
  const list = Array.isArray(value) ? value : [value]
  if (list.every((one) => typeof one === 'string')) return list
  throw new TypeError('@countersign/guard: the Authorization header must be a string, or a list of them.')
}

/**
 * Whether it is a plain object, from any realm.
 *
 * @param {object} value
 */
function isPlain(value) {
  if (Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** @param {unknown} name */
function isAuthorization(name) {
  return typeof name === 'string' && name.toLowerCase() === 'authorization'
}
