// Who is signed in, and the access token: kept, refreshed, and shared between tabs.
//
// In token mode, the state is in the storage. In cookie mode, the browser keeps the session in an HttpOnly cookie of the
// server; the storage has the user alone, and tabs pass the access token on in memory.

import { AuthError, loginRequired } from './error.js'
import { call } from './http.js'
import { alone, openTabs } from './tabs.js'

/**
 * @typedef {object} User
 * @property {string} id
 * @property {string} email
 * @property {boolean} email_verified
 * @property {string | null} name
 * @property {Record<string, unknown>} metadata
 * @property {string} created_at
 * @property {string | null} last_sign_in_at
 */

/**
 * @typedef {object} Store where the session is kept: `localStorage`, or anything with these methods
 * @property {(key: string) => string | null | Promise<string | null>} getItem
 * @property {(key: string, value: string) => unknown} setItem
 * @property {(key: string) => unknown} removeItem
 */

/**
 * @typedef {object} State a session. Without `token`, only the user is known
 * @property {User} user
 * @property {string} [token] the access token
 * @property {number} [lifetime] of the access token, in milliseconds
 * @property {number} [since] when it was requested, in milliseconds since 1970
 * @property {string} [refresh] the refresh token
 */

/** @typedef {(user: User | null) => void} Listener */

const MAX_DELAY = 2 ** 31 - 1
const MAX_PAUSE = 60_000
// Waking a tab asks the server who is signed in, but not more often than this.
const CHECK_INTERVAL = 10_000

/**
 * @param {{ issuer: string, cookie: boolean, guessed: boolean, storage: Store }} setup
 *   `guessed`: the server may correct `cookie`
 */
export function openSession({ issuer, cookie, guessed, storage }) {
  const name = `countersign:${issuer}`
  /** @type {State | null | undefined} undefined: not known yet */
  let state
  // The monotonic time at which the access token was requested. It does not count sleep in all browsers, but the clock does;
  // the clock may be set, but then the monotonic time is right. Neither is compared with the server's.
  let anchor = 0
  // Counts changes, to discard responses to requests from before one.
  let version = 0
  /** @type {Promise<unknown> | undefined} */
  let refreshing
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  let failures = 0
  let notBefore = 0
  let checked = -Infinity
  /** @type {Promise<unknown> | undefined} a write to an asynchronous storage */
  let saving
  /** @type {AuthError | undefined} */
  let lastError
  /** @type {Set<Listener>} */
  const listeners = new Set()
  const tabs = openTabs(name, {
    told: (news) => (cookie ? set(news, false) : void load()),
    stored: () => void load(),
    woken: (restored) => void load().then(() => wake(restored)),
  })

  const age = () => Math.max(performance.now() - anchor, Date.now() - (state?.since ?? 0))
  /** Whether the access token has this fraction of its lifetime left. @param {number} [part] */
  const lasts = (part = 0) => Boolean(state?.token) && age() < (state?.lifetime ?? 0) * (1 - part)

  /**
   * @param {State | null} next
   * @param {boolean} [share] with other tabs and the storage
   */
  function set(next, share = true) {
    const before = state && JSON.stringify(state.user)
    const known = state !== undefined
    version++
    failures = notBefore = 0
    if (next && JSON.stringify(next.user) === before) next.user = /** @type {State} */ (state).user
    state = next
    anchor = performance.now() - Math.max(0, Date.now() - (next?.since ?? 0))
    if (share) {
      save(next)
      tabs.tell(cookie ? next : 0)
    }
    schedule()
    if (!known || (next ? JSON.stringify(next.user) : null) !== (before ?? null))
      for (const listener of listeners) queueMicrotask(() => listener(next && next.user))
  }

  /** @param {State | null} next */
  function save(next) {
    const write = () =>
      next ? storage.setItem(name, JSON.stringify(cookie ? { user: next.user } : next)) : storage.removeItem(name)
    try {
      const writing = /** @type {any} */ (write())
      if (writing?.then) saving = writing.then(() => (saving = undefined), () => (saving = undefined))
    } catch {
      // Full or blocked. What it has is outdated, and the session lasts as long as the page.
      storage.removeItem(name)
      storage = memoryStore()
      write()
    }
  }

  /** @param {string | null} text */
  function take(text) {
    /** @type {State | null} */
    let next = null
    try {
      next = JSON.parse(text ?? 'null')
    } catch {}
    if (guessed && next?.refresh) cookie = guessed = false
    if (!next?.user || (!cookie && !next.refresh)) next = null
    if (!next && (cookie || state === undefined)) {
      // An empty storage says nothing about the cookie.
      if (state) check().catch(() => {})
      return
    }
    if (cookie ? next?.user.id !== state?.user.id : next?.token !== state?.token) set(next, false)
  }

  /** Takes over what the storage has: at once, if it is synchronous. @returns {Promise<void>} */
  function load() {
    if (saving) return saving.then(load)
    const text = storage.getItem(name)
    return text instanceof Promise ? text.then(take) : Promise.resolve(take(text))
  }

  /** Plans the next refresh: ahead of the end of the access token, or after a failed one. */
  function schedule() {
    clearTimeout(timer)
    if (!state && !failures) return
    const delay = failures
      ? Math.max(notBefore - Date.now(), Math.min(MAX_PAUSE, 500 * 2 ** failures))
      : state?.token
        ? (state.lifetime ?? 0) * 0.9 - age()
        : 0
    timer = setTimeout(() => {
      // A hidden tab refreshes when it needs a token, or is shown again.
      if (globalThis.document?.hidden) return
      if (lasts(0.1) && !failures) schedule()
      else refresh(state?.token).catch(() => {})
    }, Math.min(MAX_DELAY, Math.max(0, delay)))
    // Node.js: does not keep the process alive.
    Object(timer).unref?.()
  }

  /**
   * Gets a new access token, unless another tab has. Fails if the user is no longer signed in, or if the server did not say
   * so: then, the session stays.
   *
   * @param {string | undefined} used the access token that is to be replaced
   * @returns {Promise<unknown>}
   */
  function refresh(used) {
    if (Date.now() < notBefore && lastError) return Promise.reject(lastError)
    refreshing ??= alone(`${name}:lock`, storage, () => renew(used))
      .then(
        () => (failures = notBefore = 0),
        (error) => {
          failures++
          notBefore = Date.now() + 1000 * (error.retryAfter ?? 0)
          lastError = error
          schedule()
          throw error
        },
      )
      .finally(() => (refreshing = undefined))
    return refreshing
  }

  /** @param {string | undefined} used */
  async function renew(used) {
    await load()
    if (state?.token !== used && lasts()) return
    if (!cookie && !state?.refresh) return
    const since = Date.now()
    const { refresh } = state ?? {}
    const at = version
    // Another tab may have signed in or out meanwhile.
    const current = () => (cookie ? version === at : state?.refresh === refresh)
    checked = performance.now()
    try {
      const answer = cookie
        ? await call(`${issuer}/api/auth/token`, { cookie })
        : await call(`${issuer}/api/auth/refresh`, { body: { refresh_token: refresh } })
      await load()
      if (current()) adopt(answer, since)
      guessed = false
    } catch (error) {
      const { code, status } = /** @type {AuthError} */ (error)
      // Nothing else ends a session: neither a server that is down, nor a proxy that answers 401.
      if (code === (cookie ? 'login_required' : 'invalid_refresh_token')) {
        await load()
        if (current()) set(null)
        guessed = false
      } else if (guessed && (status === 403 || status === 404)) useTokens()
      else throw error
    }
  }

  /** For a page that the server does not give its cookie to. */
  function useTokens() {
    cookie = guessed = false
    set(null)
  }

  /**
   * @param {any} answer with an access token
   * @param {number} since
   */
  function adopt({ access_token, refresh_token, expires_in, user = state?.user }, since) {
    if (!access_token || !user || (!cookie && !refresh_token))
      throw new AuthError('invalid_response', 'The response has no token.')
    set({ user, token: access_token, lifetime: expires_in * 1000, since, refresh: cookie ? undefined : refresh_token })
  }

  /** Asks the server who is signed in. */
  async function check() {
    const { token } = state ?? {}
    if (!cookie && !state) return
    if (cookie || !lasts()) {
      await refresh(token)
      return
    }
    checked = performance.now()
    try {
      const user = await call(`${issuer}/api/auth/me`, { method: 'GET', token })
      if (state && state.token === token) set({ ...state, user })
    } catch (error) {
      if (/** @type {AuthError} */ (error).status !== 401) throw error
      await refresh(token)
    }
  }

  /** @param {boolean} [always] */
  async function wake(always) {
    if (failures) notBefore = 0
    if (always || failures || performance.now() - checked > CHECK_INTERVAL) await check().catch(() => {})
    // Timers may have been late or throttled.
    schedule()
  }

  const session = {
    /** @returns {User | null | undefined} */
    get user() {
      return state && state.user
    },
    get cookie() {
      return cookie
    },
    /** Resolves when it is known who is signed in. @type {Promise<unknown>} */
    ready: Promise.resolve(),

    /**
     * Returns a valid access token.
     *
     * @param {string} [rejected] one that a service did not accept
     * @returns {Promise<string>}
     */
    async token(rejected) {
      if (state === undefined) await session.ready
      if (state && (state.token === rejected || !lasts())) await refresh(state.token)
      // Under load, a token may be used that ends soon: its replacement is on the way.
      else if (state && !lasts(0.1)) refresh(state.token).catch(() => {})
      if (!state?.token) throw loginRequired()
      return state.token
    },

    /**
     * Signs in by a request that may return tokens.
     *
     * @param {string} path
     * @param {object} body
     * @returns {Promise<any>} the response, with the user if it had tokens
     */
    async signIn(path, body) {
      await session.ready
      const since = Date.now()
      const previous = state
      const send = () => call(issuer + path, { body: cookie ? { ...body, session: 'cookie' } : body, cookie })
      const answer = await send().catch((error) => {
        if (!guessed || error.code !== 'origin_not_allowed') throw error
        useTokens()
        return send()
      })
      if (!answer?.access_token) return answer
      const user = answer.user ?? (await call(`${issuer}/api/auth/me`, { method: 'GET', token: answer.access_token }))
      adopt({ ...answer, user }, since)
      if (!cookie && previous?.refresh) void leave(previous).catch(() => {})
      return { ...answer, user }
    },

    /** Forgets the session, in all tabs, and ends it on the server. */
    async signOut() {
      await session.ready
      await alone(`${name}:lock`, storage, async () => {
        await load()
        const left = state
        if (!cookie) set(null)
        // Without a cookie, nothing is left in this browser, so a server that is down does not matter.
        if (left || cookie) await leave(left).catch((error) => { if (cookie && error.status !== 401) throw error })
        if (cookie) set(null)
      })
    },

    /** Asks the server who is signed in. */
    async reload() {
      await session.ready
      await check()
      return session.user ?? null
    },

    /** @param {Listener} listener */
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },

    close() {
      clearTimeout(timer)
      listeners.clear()
      tabs.close()
    },
  }

  /** @param {State | null | undefined} left */
  const leave = (left) =>
    call(`${issuer}/api/auth/logout`, { cookie, keepalive: true, body: left?.refresh && { refresh_token: left.refresh } })

  session.ready = load().then(async () => {
    const first = check().catch(() => {})
    // Who was signed in last time is known at once, and confirmed in the background.
    if (state === undefined && cookie) await first
    if (state !== undefined) return
    const [tries, pause] = [failures, notBefore]
    set(null, false)
    // The server did not say who is signed in: goes on asking.
    if (tries) [failures, notBefore] = [tries, pause]
    schedule()
  })
  return session
}

/** A store that lasts as long as the page. @returns {Store} */
export function memoryStore() {
  /** @type {Map<string, string>} */
  const items = new Map()
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  }
}
