// The session of a browser's cookie, for servers that render pages. The issuer exchanges the cookie for a short access
// token, which is verified like any other. Nothing is cached, so a session that has ended is never accepted.

import { fields } from './bearer.js'
import { Denied, REVOKED } from './denied.js'
import { attentive, send } from './http.js'

/**
 * The session of a signed-in user.
 *
 * @typedef {object} Session
 * @property {Readonly<Record<string, any> & { id: string, email: string }>} user The account, as `GET /api/auth/me` returns it.
 * @property {string} accessToken A token for requests to your services. Never send it to the browser.
 * @property {number} expiresIn The seconds for which the token is valid.
 * @property {import('./token.js').VerifiedToken} token The verified token.
 */

/**
 * @typedef {object} SessionOptions
 * @property {string} [origin] The origin of your application, if it is not the issuer's. It must be in `app_origins`.
 * @property {string} [clientAddress] The browser's IP address, or the whole `X-Forwarded-For`, for the issuer's rate limits.
 *   The issuer uses it if this server is in its `trusted_proxies`.
 * @property {boolean} [trustProxy] Takes `clientAddress` from the request's own `X-Forwarded-For`. Only for servers behind a
 *   proxy that sets the header: a browser that reaches yours directly can write anything into it.
 */

const SAFE = ['GET', 'HEAD', 'OPTIONS']
const MILLISECONDS = 10_000
const LIMIT = 64 * 1024

/**
 * @param {import('./guard.js').Guard} guard
 * @param {import('./settings.js').Settings} settings
 * @param {import('./bearer.js').Headed & { method?: string }} request
 * @param {SessionOptions} options
 * @param {AbortSignal} signal
 * @returns {Promise<Session | null>}
 */
export async function sessionOf(guard, settings, request, options, signal) {
  const { origin = settings.issuer, trustProxy = false } = options
  const { clientAddress = trustProxy ? fields(request, 'x-forwarded-for').join(', ') : undefined } = options
  refuseForeignForm(request, origin)
  const cookie = cookiesFor(request, settings.issuer, origin)
  if (!cookie) return null
  const { status, headers, body } = await exchange(settings, { cookie, origin, clientAddress }, signal)
  if (status === 401) return null
  if (status === 403) {
    const advice = "add it to the issuer's app_origins, or pass the right one as `origin`"
    throw new Error(`@countersign/guard: the issuer does not accept the origin ${origin}: ${advice}.`)
  }
  if (status !== 200) throw Denied.unavailable(UNAVAILABLE, new Error(`the issuer returned ${status}`), headers['retry-after'])
  const { user, access_token: accessToken, expires_in: expiresIn } = read(body)
  if (typeof accessToken !== 'string') throw Denied.unavailable(UNAVAILABLE, new Error('the response has no token'))
  try {
    const token = await guard.verify(accessToken)
    if (token.subject.id !== user?.id) throw Denied.unavailable(UNAVAILABLE, new Error('the token belongs to another user'))
    return Object.freeze({ user: Object.freeze(user), accessToken, expiresIn, token })
  } catch (error) {
    // It was revoked between the two steps. Any other rejection means that the guard has the wrong options.
    if (error instanceof Denied && error.message === REVOKED) return null
    if (error instanceof Denied && error.status === 401) {
      throw new Error(`@countersign/guard: the token of the session is not accepted: ${error.message}`, { cause: error })
    }
    throw error
  }
}

/**
 * Rejects a form that a page from another origin sends with the user's cookie. `SameSite=Lax` lets pages of the same site do
 * so. Next.js gives headers without a method, which then only may not come from another origin.
 *
 * @param {import('./bearer.js').Headed & { method?: string }} request
 * @param {string} own
 */
function refuseForeignForm(request, own) {
  const { method } = request
  if (method !== undefined && SAFE.includes(method.toUpperCase())) return
  const [origin, ...others] = fields(request, 'origin')
  const site = fields(request, 'sec-fetch-site')
  const isOwn = origin === undefined ? method === undefined || site[0] === 'same-origin' : origin === own && others.length === 0
  if (!isOwn) throw new Denied(403, 'origin_not_allowed', 'The request was sent by a page from another origin.', {})
}

/**
 * The cookies of the issuer, and no other. There may be two: the one of the pages, if the application is on the issuer's
 * host, and the application's own, set by forward-auth.
 *
 * @param {import('./bearer.js').Headed} request
 * @param {string} issuer
 * @param {string} origin
 */
function cookiesFor(request, issuer, origin) {
  const names = [cookieName('countersign', issuer), cookieName('countersign-app', origin)]
  const pairs = fields(request, 'cookie').flatMap((value) => value.split(';'))
  return pairs
    .map((pair) => pair.trim())
    .filter((pair) => names.includes(pair.slice(0, Math.max(pair.indexOf('='), 0))) && VISIBLE.test(pair))
    .join('; ')
}

/**
 * @param {string} name
 * @param {string} origin
 */
function cookieName(name, origin) {
  const { protocol, port } = new URL(origin)
  return `${protocol === 'https:' ? '__Host-' : ''}${name}${port && `-${port}`}`
}

/**
 * @param {import('./settings.js').Settings} settings
 * @param {{ cookie: string, origin: string, clientAddress: string | undefined }} given
 * @param {AbortSignal} signal
 */
async function exchange({ issuer, locate }, { cookie, origin, clientAddress }, signal) {
  /** @type {Record<string, string>} */
  const headers = { Cookie: cookie, Origin: origin, Accept: 'application/json' }
  if (clientAddress) headers['X-Forwarded-For'] = clientAddress
  const asked = send(locate(`${issuer}/api/auth/token`), {
    method: 'POST',
    headers,
    milliseconds: MILLISECONDS,
    limit: LIMIT,
    signal,
  })
  try {
    return await attentive(asked)
  } catch (error) {
    throw Denied.unavailable(UNAVAILABLE, error)
  }
}

/**
 * @param {Buffer} body
 * @returns {any}
 */
function read(body) {
  try {
    return JSON.parse(body.toString()) ?? {}
  } catch (error) {
    throw Denied.unavailable(UNAVAILABLE, error)
  }
}

const UNAVAILABLE = 'Who is signed in cannot be checked at the moment. Try again.'
const VISIBLE = /^[!-~]+$/
