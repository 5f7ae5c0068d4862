// Finds headers of a request, and its bearer token (RFC 6750 §2.1). Queries and forms are ignored (RFC 9700 §4.3.2).

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
  const [value, ...others] = fields(request, 'authorization')
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
 * Returns every value of a header.
 *
 * @param {Headed} request
 * @param {string} name in lowercase
 * @returns {string[]}
 */
export function fields(request, name) {
  const { headers, rawHeaders } = request ?? {}
  // Node keeps only the first duplicate in `headers`; the raw list has all. A value missing there may have been added to
  // `headers` later.
  const raw = Array.isArray(rawHeaders) ? rawHeaders.filter((_, at) => at % 2 === 1 && is(rawHeaders[at - 1], name)) : []
  return raw.length > 0 ? raw : values(headers, name).flatMap((value) => texts(value, name))
}

/**
 * Returns every value of the header, whatever type the headers have.
 *
 * @param {unknown} headers
 * @param {string} name
 * @returns {unknown[]}
 */
function values(headers, name) {
  if (types.isMap(headers)) return named([...headers], name)
  if (typeof headers === 'object' && headers !== null) {
    // Not `instanceof Headers`: there are others (node-fetch, undici, the realm of a test runner).
    if ('get' in headers && typeof headers.get === 'function') return [headers.get(name)]
    if (isPlain(headers)) return named(Object.entries(headers), name)
  }
  throw new TypeError('@countersign/guard: headers must have get(name), or be a Map or a plain object.')
}

/**
 * @param {[unknown, unknown][]} entries
 * @param {string} wanted
 */
function named(entries, wanted) {
  return entries.filter(([name]) => is(name, wanted)).map(([, value]) => value)
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {string[]}
 */
function texts(value, name) {
  if (value === undefined || value === null) return []
  const list = Array.isArray(value) ? value : [value]
  if (list.every((one) => typeof one === 'string')) return list
  throw new TypeError(`@countersign/guard: the ${name} header must be a string, or a list of them.`)
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

/**
 * @param {unknown} name
 * @param {string} wanted
 */
function is(name, wanted) {
  return typeof name === 'string' && name.toLowerCase() === wanted
}
