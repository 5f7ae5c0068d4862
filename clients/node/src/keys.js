// The issuer's keys: discovered by RFC 8414, cached by their max-age and refreshed in the background. They are kept if the
// issuer is down or sends an invalid response.

import { createPublicKey } from 'node:crypto'
import { debuglog } from 'node:util'
import { Denied } from './denied.js'
import { attentive, backoff, send } from './http.js'
import { shown } from './shown.js'
import { readObject } from './strict-json.js'

/** @typedef {{ kid: string, x: string, y: string, public: import('node:crypto').KeyObject }} Key */

const log = debuglog('countersign')

/** The token names a key that the issuer does not publish. */
export class UnknownKey extends Error {}

export class KeySet {
  #settings
  #signal
  /** @type {Map<string, Key>} */
  #keys = new Map()
  /** @type {string | undefined} */
  #address
  /** @type {Promise<void> | undefined} the running fetch, shared by all waiters */
  #fetching
  /** @type {NodeJS.Timeout | undefined} */
  #timer
  /** @type {unknown} why the last fetch failed */
  #failure
  /** @type {string | undefined} the last reason that was reported */
  #reported
  #failures = 0
  #attempted = false
  #askedForUnknown = -Infinity

  /**
   * @param {import('./settings.js').Settings} settings
   * @param {AbortSignal} signal closes everything
   */
  constructor(settings, signal) {
    this.#settings = settings
    this.#signal = signal
    signal.addEventListener('abort', () => clearTimeout(this.#timer))
    this.#refresh()
  }

  /** Whether a key is still published. @param {Key} key */
  holds(key) {
    return this.#keys.get(key.kid) === key
  }

  /**
   * Returns the key with this id. An unknown id causes at most one fetch per cooldown.
   *
   * @param {unknown} kid
   * @returns {Promise<Key>}
   * @throws {Denied | UnknownKey}
   */
  async find(kid) {
    if (typeof kid !== 'string') throw new UnknownKey('The token names no key.')
    // Only the first attempt is awaited: while the issuer is down, later requests are answered at once.
    if (!this.#attempted) await attentive(this.#refresh())
    if (this.#keys.size === 0)
      throw Denied.unavailable("The issuer's keys are unavailable at the moment. Try again.", this.#failure)
    const known = this.#keys.get(kid)
    if (known) return known
    if (this.#mayAskForUnknown()) this.#refresh()
    if (this.#fetching) await attentive(this.#fetching)
    const found = this.#keys.get(kid)
    // 401 also if that fetch failed: a client that forges a token must not cause a 503.
    if (!found) throw new UnknownKey('The token is signed with an unknown key.')
    return found
  }

  #mayAskForUnknown() {
    const { now, unknownKeyCooldown } = this.#settings
    if (Math.abs(now() - this.#askedForUnknown) < unknownKeyCooldown * 1000) return false
    this.#askedForUnknown = now()
    return true
  }

  /** Never rejects. */
  #refresh() {
    clearTimeout(this.#timer)
    this.#fetching ??= this.#fetch().then(
      (lifetime) => {
        this.#reported = undefined
        this.#next(0, lifetime * 0.8, undefined)
      },
      (error) => {
        this.#report(error)
        this.#address = undefined
        this.#next(this.#failures + 1, backoff(this.#failures), error)
      },
    )
    return this.#fetching
  }

  /**
   * Emits a warning of the process, once until the reason changes. Otherwise a service with the wrong issuer would respond
   * with 503 and never say why.
   *
   * @param {any} error
   */
  #report(error) {
    const { issuer } = this.#settings
    log('keys of %s: %s', issuer, error)
    // If several IP addresses were tried, the message is empty.
    const reason = error.message || error.code || String(error)
    if (this.#signal.aborted || reason === this.#reported) return
    this.#reported = reason
    const warning = `failed to fetch the keys of ${issuer}, will retry: ${reason}`
    process.emitWarning(warning, { type: 'CountersignWarning', code: 'COUNTERSIGN_KEYS' })
  }

  /**
   * @param {number} failures
   * @param {number} pause until the next fetch, in milliseconds
   * @param {unknown} failure
   */
  #next(failures, pause, failure) {
    this.#failures = failures
    this.#failure = failure
    this.#attempted = true
    this.#fetching = undefined
    if (!this.#signal.aborted) this.#timer = setTimeout(() => this.#refresh(), pause).unref()
  }

  /** Replaces the keys and returns the milliseconds for which they are valid. */
  async #fetch() {
    this.#address ??= await this.#discover()
    const { headers, json } = await this.#ask(this.#address)
    const keys = this.#usable(json.keys)
    if (keys.size === 0) throw new Error('the key set has no usable key')
    this.#keys = keys
    const age = Number(/(?:^|[\s,])max-age=(\d+)/i.exec(headers['cache-control'] ?? '')?.[1] ?? 300)
    return Math.min(Math.max(age, 10), 86_400) * 1000
  }

  async #discover() {
    const { issuer } = this.#settings
    const { json } = await this.#ask(`${issuer}/.well-known/oauth-authorization-server`)
    if (typeof json.issuer !== 'string') throw new Error('the metadata has no issuer')
    // RFC 8414 §3.3: otherwise it is the metadata of another issuer.
    if (json.issuer !== issuer) {
      const server = this.#settings.baseUrl ?? issuer
      const said = `the server at ${server} says that its issuer is ${shown(json.issuer)}`
      throw new Error(`${said}: configure that as the issuer`)
    }
    if (typeof json.jwks_uri !== 'string') throw new Error('the metadata has no jwks_uri')
    return json.jwks_uri
  }

  /** @param {string} address */
  async #ask(address) {
    const { status, headers, body } = await send(this.#settings.locate(address), {
      headers: { Accept: 'application/json' },
      milliseconds: 5_000,
      limit: 256 * 1024,
      signal: this.#signal,
    })
    if (status !== 200) throw new Error(`${shown(address)} responded with ${status}`)
    return { headers, json: readObject(body).value }
  }

  /**
   * Returns the P-256 keys of a set and ignores everything else.
   *
   * @param {unknown} set
   */
  #usable(set) {
    /** @type {Map<string, Key>} */
    const keys = new Map()
    for (const jwk of Array.isArray(set) ? set : []) {
      if (!verifiesES256(jwk) || keys.has(jwk.kid)) continue
      const { kty, crv, kid, x, y } = jwk
      const held = this.#keys.get(kid)
      // Keep the same object, so that cached tokens stay valid.
      if (held && held.x === x && held.y === y) keys.set(kid, held)
      else {
        const key = imported({ kty, crv, x, y })
        if (key) keys.set(kid, { kid, x, y, public: key })
      }
    }
    return keys
  }
}

/**
 * Whether a JWK is a public key for ES256 (docs/security/token-rules.md). A member that is null counts as absent.
 *
 * @param {any} jwk
 * @returns {boolean}
 */
function verifiesES256(jwk) {
  const { kty, crv, kid, x, y, alg, use, key_ops: operations, d } = jwk ?? {}
  if (kty !== 'EC' || crv !== 'P-256' || typeof kid !== 'string' || !isCoordinate(x) || !isCoordinate(y)) return false
  // A published private key is compromised.
  if ((alg ?? 'ES256') !== 'ES256' || (use ?? 'sig') !== 'sig' || (d ?? undefined) !== undefined) return false
  // RFC 7517 §4.3: operations must be unique.
  const list = operations ?? ['verify']
  return (
    Array.isArray(list) &&
    list.every((operation) => typeof operation === 'string') &&
    new Set(list).size === list.length &&
    list.includes('verify')
  )
}

/**
 * Returns the key if its point is on the curve.
 *
 * @param {import('node:crypto').JsonWebKey} jwk
 */
function imported(jwk) {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return undefined
  }
}

/**
 * RFC 7518 §6.2.1.2: the full length, including leading zeros.
 *
 * @param {unknown} text
 */
function isCoordinate(text) {
  const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64url')
  return bytes.length === 32 && bytes.toString('base64url') === text
}
