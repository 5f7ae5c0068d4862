// The guard: from a request or a string to a verified token. It caches verified tokens; keys and lists cache the rest.

import { hash } from 'node:crypto'
import { bearerToken } from './bearer.js'
import { Denied } from './denied.js'
import { KeySet } from './keys.js'
import { StatusLists } from './lists.js'
import { readOptions } from './settings.js'
import { sessionOf } from './session.js'
import { MAX_TOKEN_LENGTH, OtherAudience, verifyToken } from './token.js'

/**
 * Creates a guard for one issuer. It starts fetching the keys and does not wait for them, so that a service can start while
 * its issuer is down. Requests get 503 until the keys have been fetched.
 *
 * @param {import('./settings.js').Options} options
 * @returns {Guard}
 */
export function createGuard(options) {
  return new Guard(options)
}

/**
 * Cleans up after a guard that was garbage collected. Background tasks must not refer to the guard.
 *
 * @type {FinalizationRegistry<AbortController>}
 */
const dropped = new FinalizationRegistry((closing) => closing.abort())

/** Verifies tokens offline with keys and status lists that it keeps current in the background. */
export class Guard {
  #settings
  #keys
  #lists
  /** @type {Map<string, import('./token.js').Verified>} verified tokens, by the SHA-256 of their text; oldest first */
  #verified = new Map()
  #closing = new AbortController()
  #hasReported = false

  /** @param {import('./settings.js').Options} options */
  constructor(options) {
    this.#settings = readOptions(options)
    this.#keys = new KeySet(this.#settings, this.#closing.signal)
    this.#lists = new StatusLists(this.#settings, this.#keys, this.#closing.signal)
    dropped.register(this, this.#closing, this)
  }

  /**
   * Verifies the token of a request, from its single `Authorization: Bearer …` header. The subject may be a client:
   * `requireUser(token)` returns the user.
   *
   * @param {import('./bearer.js').Headed} request a fetch `Request`, Node's `IncomingMessage`, or anything with headers
   * @returns {Promise<import('./token.js').VerifiedToken>}
   * @throws {Denied}
   */
  async authenticate(request) {
    return this.verify(bearerToken(request, this.#settings.issuer))
  }

  /**
   * Verifies a token. The returned object is shared by all requests with this token, and frozen.
   *
   * @param {string} token
   * @returns {Promise<import('./token.js').VerifiedToken>}
   * @throws {Denied} 401 for an invalid token, 503 if it cannot be checked right now
   */
  async verify(token) {
    const { issuer } = this.#settings
    if (typeof token !== 'string' || token.length > MAX_TOKEN_LENGTH)
      throw Denied.invalid(issuer, 'The token is too long.')
    const digest = hash('sha256', token, 'base64')
    const verified =
      this.#remembered(digest) ?? this.#remember(digest, await this.#check(token))
    // The bit is checked every time: it is an array lookup, and it makes revocation immediate.
    if (verified.status) await this.#lists.check(verified.status)
    return verified.token
  }

  /**
   * Returns the session of the browser's cookie, or `null` if no one is signed in. For servers that render pages: it asks
   * the issuer each time, sending only the issuer's cookies, so a session that has ended is never accepted. A form that a
   * page from another origin sent is rejected with 403.
   *
   * @param {import('./bearer.js').Headed & { method?: string }} request a fetch `Request`, Node's `IncomingMessage`, or
   *   anything with headers
   * @param {import('./session.js').SessionOptions} [options]
   * @returns {Promise<import('./session.js').Session | null>}
   * @throws {Denied} 403 for a form from another origin, 503 if the issuer cannot be asked
   */
  async sessionFromCookie(request, options = {}) {
    return sessionOf(this, this.#settings, request, options, this.#closing.signal)
  }

  /** Stops all requests and timers. A closed guard uses what it has and fetches nothing more. */
  close() {
    dropped.unregister(this)
    this.#closing.abort()
  }

  /** @param {string} token */
  async #check(token) {
    try {
      return await verifyToken(token, this.#keys, this.#settings)
    } catch (error) {
      if (error instanceof Denied && error.cause instanceof OtherAudience) this.#report(error.cause)
      throw error
    }
  }

  /**
   * Emits a warning of the process, once per guard: most likely, its `audience` is wrong, and the response does not say so.
   *
   * @param {OtherAudience} cause
   */
  #report(cause) {
    if (this.#hasReported) return
    this.#hasReported = true
    const warning = `${cause.message} If it is meant for this service, correct the option audience.`
    process.emitWarning(warning, { type: 'CountersignWarning', code: 'COUNTERSIGN_AUDIENCE' })
  }

  /** @param {string} digest */
  #remembered(digest) {
    const verified = this.#verified.get(digest)
    if (!verified) return undefined
    const { now, leeway } = this.#settings
    if (now() / 1000 < verified.expires + leeway && this.#keys.holds(verified.key)) return verified
    this.#verified.delete(digest)
    return undefined
  }

  /**
   * @param {string} digest
   * @param {import('./token.js').Verified} verified
   */
  #remember(digest, verified) {
    const { cacheSize } = this.#settings
    if (cacheSize > 0) this.#verified.set(digest, verified)
    if (this.#verified.size > cacheSize) {
      const [oldest = ''] = this.#verified.keys()
      this.#verified.delete(oldest)
    }
    return verified
  }
}
