// The status lists that tokens name. Each is followed by one long poll, which reports a revocation when it happens.

import { setTimeout as pause } from 'node:timers/promises'
import { debuglog } from 'node:util'
import { Denied, REVOKED } from './denied.js'
import { attentive, backoff, send } from './http.js'
import { readStatusList, Unreadable } from './status-list.js'

const log = debuglog('countersign')

export class StatusLists {
  #settings
  #keys
  #signal
  /** @type {Map<string, FollowedList>} */
  #followed = new Map()

  /**
   * @param {import('./settings.js').Settings} settings
   * @param {import('./keys.js').KeySet} keys
   * @param {AbortSignal} signal closes everything
   */
  constructor(settings, keys, signal) {
    this.#settings = settings
    this.#keys = keys
    this.#signal = signal
    // One listener for all lists.
    signal.addEventListener('abort', () => this.#followed.forEach((list) => list.drop()))
  }

  /**
   * Rejects a token that was revoked or whose status is unknown.
   *
   * @param {import('./token.js').StatusReference} status
   * @throws {Denied}
   */
  async check({ uri, idx }) {
    const list = this.#followed.get(uri) ?? this.#follow(uri)
    list.named = this.#settings.now()
    if (!list.attempted) await attentive(list.first)
    list.check(idx)
  }

  /** @param {string} uri */
  #follow(uri) {
    if (this.#followed.size >= MAX_LISTS) {
      const [[oldest, list] = []] = [...this.#followed].sort(([, a], [, b]) => a.named - b.named)
      if (oldest) this.#followed.delete(oldest)
      list?.drop()
    }
    const list = new FollowedList(uri, this.#settings, this.#keys, this.#signal)
    this.#followed.set(uri, list)
    list.ended.then(() => {
      // After closing, the current list stays in use.
      if (!this.#signal.aborted && this.#followed.get(uri) === list) this.#followed.delete(uri)
    })
    return list
  }
}

/** One list, followed from the first token that names it until none has for an hour. */
class FollowedList {
  #uri
  #settings
  #keys
  #signal
  #dropping = new AbortController()
  /** @type {import('./status-list.js').StatusList | undefined} */
  #held
  /** @type {string | undefined} */
  #etag
  /** When the list was last known to be current, in milliseconds. */
  #confirmed = 0
  /** @type {unknown} why the last fetch failed */
  #failure
  /** Consecutive fetches that failed or found no change. */
  #futile = 0

  /** When a token last named it, in milliseconds. */
  named
  /** Whether the first fetch is over. */
  attempted = false
  /** @type {Promise<void>} the first fetch; never rejects */
  first
  /** @type {Promise<void>} resolves when the list is no longer followed; never rejects */
  ended

  /**
   * @param {string} uri
   * @param {import('./settings.js').Settings} settings
   * @param {import('./keys.js').KeySet} keys
   * @param {AbortSignal} signal
   */
  constructor(uri, settings, keys, signal) {
    this.#uri = uri
    this.#settings = settings
    this.#keys = keys
    this.#signal = this.#dropping.signal
    this.named = settings.now()
    if (signal.aborted) this.drop()
    const beginning = this.#refresh()
    this.first = beginning.then(() => {
      this.attempted = true
    })
    this.ended = this.#follow(beginning)
  }

  drop() {
    this.#dropping.abort()
  }

  /**
   * @param {number} idx
   * @throws {Denied}
   */
  check(idx) {
    const { issuer, whenStale } = this.#settings
    const status = this.#held?.status(idx)
    // Also with a stale list: a bit that was set is never cleared or reused.
    if (status) throw Denied.invalid(issuer, REVOKED)
    if (!this.#held && this.#failure instanceof Unreadable) throw Denied.invalid(issuer, this.#failure.message)
    if (whenStale !== 'fail_open' && !this.#isFresh()) {
      throw Denied.unavailable('Whether the token was revoked cannot be checked at the moment. Try again.', this.#failure)
    }
    if (this.#held && status === undefined) throw Denied.invalid(issuer, "The token's status index is out of range.")
  }

  #isFresh() {
    return this.#isAlive() && (this.#settings.whenStale !== 'fail_closed' || this.#isYoung())
  }

  #isAlive() {
    const { now, leeway } = this.#settings
    return this.#held !== undefined && now() / 1000 < this.#held.expires + leeway
  }

  /** A clock that was set back must not make a list fresh. */
  #isYoung() {
    return (
      this.#held !== undefined && Math.abs(this.#settings.now() - this.#confirmed) <= (this.#held.ttl + GRACE) * 1000
    )
  }

  /** @param {Promise<number>} beginning */
  async #follow(beginning) {
    let rest = await beginning
    while (!this.#signal.aborted && this.#settings.now() - this.named < IDLE) {
      if (rest > 0) await pause(rest, undefined, { ref: false, signal: this.#signal }).catch(() => {})
      rest = await this.#refresh()
    }
    this.drop()
  }

  /** Fetches the list and returns the milliseconds to wait before the next fetch. Never rejects. */
  async #refresh() {
    // The server holds the request until the list changes. If our list may be outdated, ask for an immediate response.
    const waits = this.#failure === undefined && this.#isAlive() && this.#isYoung()
    const began = performance.now()
    try {
      const changed = await this.#fetch(waits)
      this.#failure = undefined
      if (changed || performance.now() - began >= 1_000) this.#futile = 0
      // An immediate response without a change comes from a server that does not support `wait`, such as a cache. Without
      // a pause we would ask in a loop.
      else if (waits) return backoff(this.#futile++)
      return 0
    } catch (error) {
      log('%s: %s', this.#uri, error)
      this.#failure = error
      return backoff(this.#futile++)
    }
  }

  /**
   * Fetches the list if it changed, and returns whether it did.
   *
   * @param {boolean} waits
   */
  async #fetch(waits) {
    const etag = this.#isAlive() ? this.#etag : undefined
    const { status, headers, body } = await send(this.#settings.locate(this.#uri), {
      headers: {
        Accept: 'application/statuslist+jwt',
        ...(waits && { Prefer: `wait=${WAIT}` }), // RFC 7240 §4.3
        ...(etag && { 'If-None-Match': etag }),
      },
      milliseconds: waits ? (WAIT + 10) * 1000 : 5_000,
      limit: 4 * 1024 * 1024,
      signal: this.#signal,
    })
    if (status === 304 && etag) {
      this.#confirmed = this.#settings.now()
      return false
    }
    if (status !== 200) throw new Error(`it responded with ${status}`)
    const list = await readStatusList(body.toString(), this.#uri, this.#keys, this.#settings)
    const held = this.#held ?? { version: -1, expires: 0 }
    if (list.version < held.version)
      throw new Error(`version ${list.version} is older than the cached version ${held.version}`)
    // Of two lists of one version, keep the one that is valid longer.
    if (list.version > held.version || list.expires >= held.expires) this.#held = list
    this.#etag = headers.etag
    this.#confirmed = this.#settings.now()
    return list.version > held.version
  }
}

const MAX_LISTS = 64
/** Milliseconds. */
const IDLE = 3_600_000
/** Seconds. */
const WAIT = 30
/** Seconds beyond its ttl for which a list is fresh: a running poll may take this long. */
const GRACE = 10
