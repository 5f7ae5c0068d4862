// The client: what an application calls.

import { AuthError, loginRequired } from './error.js'
import { call } from './http.js'
import { memoryStore, openSession } from './session.js'
import { looksSameSite } from './site.js'

/** @typedef {import('./session.js').User} User */

/**
 * @typedef {object} Options
 * @property {string[]} [origins] the origins of your APIs, such as `https://api.example.com`: `fetch` sends tokens to these
 *   and the server only
 * @property {'cookie' | 'token'} [mode] where the session is kept: in an HttpOnly cookie of the server, or as tokens in the
 *   storage. Default: `cookie` if the page and the server are of one site and the server allows it, otherwise `token`
 * @property {import('./session.js').Store} [storage] default: `localStorage`, or memory where there is none
 * @property {string} [scope] the scopes to ask for, separated by spaces. Default: all that the account has
 */

/**
 * @typedef {object} Challenge an email that was requested. Its code works only together with the handle, which is a secret
 * @property {string} email
 * @property {string} handle
 */

/** @typedef {{ token: string } | (Challenge & { code: string })} Answer the `token` of an emailed link, or a challenge and the emailed code */

/** @typedef {ReturnType<typeof createClient>} Client */

/**
 * Creates a client. Create one, when the page loads, and keep it.
 *
 * @param {string} url of the server (its `issuer`), such as `https://auth.example.com`
 * @param {Options} [options]
 */
export function createClient(url, { origins = [], mode, storage = defaultStore(), scope } = {}) {
  const issuer = origin(url, 'The URL of the server')
  const secure = issuer.startsWith('https:')
  const allowed = new Set([issuer, ...origins.map((given) => origin(given, 'Each of `origins`'))])
  for (const each of allowed)
    if (secure && !each.startsWith('https:')) throw new TypeError(`${each} must use https, because it receives tokens.`)
  const session = openSession({
    issuer,
    cookie: mode ? mode === 'cookie' : Boolean(globalThis.document) && looksSameSite(location, new URL(issuer)),
    guessed: !mode,
    storage,
  })
  /** A token that was new, and still refused: another one will not help. @type {string | undefined} */
  let futile

  /**
   * @param {string} path
   * @param {object} body
   * @returns {Promise<any>}
   */
  const post = (path, body) => call(`${issuer}/api/auth/${path}`, { body })

  /**
   * @param {string} path
   * @param {object} body
   * @returns {Promise<any>} the user; null if the request signed no one in
   */
  const enter = async (path, body) => (await session.signIn(path, body))?.user ?? null

  /**
   * @param {{ email: string, password: string }} credentials
   * @returns {Promise<User>}
   */
  const signIn = ({ email, password }) => enter('/api/auth/login', { email, password, scope })

  /**
   * @param {string} path
   * @param {string} email
   * @returns {Promise<Challenge>}
   */
  const challenge = async (path, email) => ({ email, handle: (await post(path, { email })).handle })

  /**
   * Calls the API of the server as the user: `auth.request('PATCH', '/api/auth/me', { name: 'Ada' })`.
   *
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>} the parsed response
   * @throws {AuthError}
   */
  const request = async (method, path, body) => call(issuer + path, { method, body, token: await session.token(), cookie: session.cookie })

  /** @param {string} page @param {string} [returnTo] */
  async function go(page, returnTo = globalThis.location.href) {
    await session.ready
    if (!session.cookie)
      throw new AuthError('not_same_site', `${issuer} keeps the sessions of its pages in a cookie, which pages of other sites cannot use.`)
    location.assign(`${issuer}/${page}?return_to=${encodeURIComponent(returnTo)}`)
  }

  return {
    /** The server. */
    issuer,

    /** Resolves when it is known who is signed in. */
    ready: session.ready.then(() => {}),

    /** The signed-in user; `null` if no one is signed in, `undefined` while that is not known. The same object until it changes. */
    get user() {
      return session.user
    },

    /**
     * Calls the listener when a user signs in or out or changes, in any tab, and at once if it is known who is signed in.
     *
     * @param {(user: User | null) => void} listener
     * @returns {() => void} stops it
     */
    onChange(listener) {
      const { user } = session
      if (user !== undefined) listener(user)
      return session.listen(listener)
    },

    /**
     * Creates an account and signs in. If the server wants the email address confirmed first, no one is signed in yet: pass
     * the challenge with the emailed code to `confirmEmail`.
     *
     * @param {{ email: string, password: string, name?: string, metadata?: Record<string, unknown> }} account
     * @returns {Promise<{ user: User, challenge: null } | { user: null, challenge: Challenge }>}
     */
    async signUp(account) {
      const { email, password } = account
      const { handle, user } = await session.signIn('/api/auth/register', account)
      if (handle) return { user: null, challenge: { email, handle } }
      return { user: user ?? (await signIn({ email, password })), challenge: null }
    },

    /** Signs in with a password. */
    signIn,

    /** Sends an email with a link and a code to sign in with `confirmSignIn`. @param {string} email */
    signInWithEmail: (email) => challenge('login/email', email),

    /**
     * Signs in with an emailed link or code.
     *
     * @param {Answer} answer
     * @returns {Promise<User>}
     */
    confirmSignIn: (answer) => enter('/api/auth/login/email/confirm', { ...answer, scope }),

    /** Sends an email with a link and a code to confirm the email address with `confirmEmail`. @param {string} email */
    verifyEmail: (email) => challenge('verify-email', email),

    /**
     * Confirms an email address, and signs in if `password` or the challenge of a sign-up proves that it is the account's.
     *
     * @param {Answer & { password?: string, new_password?: string }} answer
     * @returns {Promise<User | null>} null if no one is signed in now
     */
    async confirmEmail(answer) {
      const path = '/api/auth/verify-email/confirm'
      if (session.user) {
        await request('POST', path, answer)
        return session.reload()
      }
      const user = await enter(path, answer)
      if (user || !('email' in answer) || !answer.password) return user
      return signIn({ email: answer.email, password: answer.password })
    },

    /** Sends an email with a link and a code to set a new password with `confirmReset`. @param {string} email */
    resetPassword: (email) => challenge('recover', email),

    /**
     * Sets a new password, and ends all sessions of the account.
     *
     * @param {Answer & { new_password: string }} answer
     * @returns {Promise<void>}
     */
    confirmReset: (answer) => post('recover/confirm', answer),

    /**
     * Works like `fetch`, with the user's access token. It is refreshed in time, and once more if the service responds
     * with 401. Redirects are not followed.
     *
     * @param {RequestInfo | URL} input
     * @param {RequestInit} [init]
     * @returns {Promise<Response>}
     * @throws {AuthError} `login_required` if no one is signed in, `origin_not_allowed` if the origin is not in `origins`
     */
    async fetch(input, init) {
      const request = new Request(input, { ...init, redirect: 'manual' })
      const { origin } = new URL(request.url)
      if (!allowed.has(origin))
        throw new AuthError('origin_not_allowed', `No token is sent to ${origin}. If it is your API, add it to \`origins\` of createClient.`)
      const first = await session.token()
      const id = session.user?.id
      let response = await send(request.clone(), first)
      if (response.status === 401 && first !== futile) {
        const second = await session.token(first)
        // Another user signed in meanwhile, in another tab: this is not their request.
        if (session.user?.id !== id) throw loginRequired()
        response = await send(request, second)
        futile = response.status === 401 ? second : undefined
      }
      const redirected = response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400 && response.headers.has('Location'))
      if (redirected && init?.redirect !== 'manual')
        throw new AuthError('redirected', `${origin} responded with a redirect, which could send the token elsewhere: call the final URL.`, { status: response.status })
      return response
    },

    /** Returns a valid access token, for what `fetch` cannot do. Never put it into a URL. */
    getToken: () => session.token(),

    request,

    /** Asks the server who is signed in. @returns {Promise<User | null>} */
    reload: () => session.reload(),

    /** Ends the session, in all tabs. Once it resolves, this browser no longer has it. */
    signOut: () => session.signOut(),

    /** Opens the server's page to sign in, which leads back here. @param {string} [returnTo] default: this page */
    goToSignIn: (returnTo) => go('signin', returnTo),

    /** Opens the server's page to sign up, which leads back here. @param {string} [returnTo] default: this page */
    goToSignUp: (returnTo) => go('signup', returnTo),

    /** Opens the server's page to manage the account. @param {string} [returnTo] default: this page */
    goToAccount: (returnTo) => go('account', returnTo),

    /** Stops timers and listeners, for tests. */
    close: session.close,
  }
}

/**
 * @param {Request} request
 * @param {string} token
 */
function send(request, token) {
  request.headers.set('Authorization', `Bearer ${token}`)
  return fetch(request)
}

/**
 * @param {string} url
 * @param {string} what
 */
function origin(url, what) {
  try {
    const { origin, href } = new URL(url)
    if (href === `${origin}/` && href.startsWith('http')) return origin
  } catch {}
  throw new TypeError(`${what} must be an origin such as https://auth.example.com (got "${url}").`)
}

function defaultStore() {
  try {
    // Outside of web pages, it is missing, or shared by all programs.
    if (globalThis.document) return localStorage
  } catch {
    // The user blocks storage.
  }
  return memoryStore()
}
