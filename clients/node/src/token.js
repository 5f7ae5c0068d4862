// The rules for one access token (RFC 9068 §4, RFC 8725 §3). No claim is looked at before the signature holds.

import { errors, jwtVerify } from 'jose'
import { Denied } from './denied.js'
import { UnknownKey } from './keys.js'

/**
 * The verified sender of a request. Frozen.
 *
 * @typedef {object} User
 * @property {string} id The account, a UUID.
 * @property {string} session The session, a UUID.
 * @property {readonly string[]} scopes What the token may be used for.
 * @property {Readonly<import('jose').JWTPayload>} claims All claims of the token.
 */

/**
 * A token whose signature and claims hold. Whether its session still lives is asked each time.
 *
 * @typedef {object} Verified
 * @property {User} user
 * @property {number} expires Seconds since the epoch.
 * @property {import('./keys.js').Key} key The key that signed it.
 * @property {StatusReference | undefined} status
 */

/** @typedef {{ idx: number, uri: string }} StatusReference The bit of a session. */

export const MAX_TOKEN_LENGTH = 8 * 1024

/**
 * @param {string} token
 * @param {import('./keys.js').KeySet} keys
 * @param {import('./settings.js').Settings} settings
 * @returns {Promise<Verified>}
 * @throws {Denied}
 */
export async function verifyToken(token, keys, settings) {
  const { issuer, audience } = settings
  try {
    const { payload, key } = await verifySigned(token, keys, settings, { typ: 'at+jwt', audience })
    return {
      user: readUser(payload),
      expires: /** @type {number} */ (payload.exp),
      key,
      status: readStatus(payload.status, settings),
    }
  } catch (error) {
    if (error instanceof Refused || error instanceof UnknownKey) throw Denied.invalid(issuer, error.message)
    if (error instanceof errors.JWTExpired) throw Denied.invalid(issuer, 'The token has expired.')
    // The library's words name the rule that was broken and hold no part of the token.
    if (error instanceof errors.JOSEError)
      throw Denied.invalid(issuer, `The token is not valid: ${error.message}.`, error)
    throw error
  }
}

/**
 * What access tokens and status lists have in common: one of the issuer's keys, ES256, strict form, iss, iat and exp.
 *
 * @param {string} token
 * @param {import('./keys.js').KeySet} keys
 * @param {import('./settings.js').Settings} settings
 * @param {import('jose').JWTVerifyOptions} expected
 * @returns {Promise<{ payload: import('jose').JWTPayload, key: import('./keys.js').Key }>}
 */
export async function verifySigned(token, keys, { issuer, leeway, now }, expected) {
  if (!isCanonical(token)) throw new Refused('The token is not three parts of canonical base64url.')
  /** @type {import('./keys.js').Key | undefined} */
  let key
  const { payload } = await jwtVerify(
    token,
    async (header) => {
      // RFC 8725 §3.10: a key that comes with the token proves nothing, and fetching one is a request forgery.
      for (const name of FORBIDDEN)
        if (Object.hasOwn(header, name)) throw new Refused(`The token's header has ${name}.`)
      key = await keys.find(header.kid)
      return key.public
    },
    // RFC 8725 §3.1: the algorithm is the key's, and never chosen by the token.
    {
      algorithms: ['ES256'],
      issuer,
      clockTolerance: leeway,
      currentDate: new Date(now()),
      requiredClaims: ['iat', 'exp'],
      ...expected,
    },
  )
  for (const name of /** @type {const} */ (['iat', 'exp', 'nbf'])) {
    // Such as 1e400, which JSON reads as endless.
    if (payload[name] !== undefined && !isDate(payload[name])) throw new Refused(`The token's ${name} is no date.`)
  }
  if (Number(payload.iat) > now() / 1000 + leeway) throw new Refused('The token was issued in the future.')
  return { payload, key: /** @type {import('./keys.js').Key} */ (key) }
}

/** What is not acceptable beyond what the library checks. */
export class Refused extends Error {}

/**
 * @param {import('jose').JWTPayload} payload
 * @returns {User}
 */
function readUser(payload) {
  const { sub, sid, scope = '' } = payload
  if (!isUuid(sub)) throw new Refused('The sub is no UUID.')
  if (!isUuid(sid)) throw new Refused('The sid is no UUID.')
  if (typeof scope !== 'string') throw new Refused('The scope is no text.')
  return deepFreeze({ id: sub, session: sid, scopes: scope.split(' ').filter(Boolean), claims: payload })
}

/**
 * @param {any} status
 * @param {import('./settings.js').Settings} settings
 * @returns {StatusReference | undefined}
 */
function readStatus(status, { requireStatus, ofIssuer }) {
  if (status === undefined) {
    if (requireStatus) throw new Refused('The token has no status.')
    return undefined
  }
  const { idx, uri } = status?.status_list ?? {}
  if (!Number.isSafeInteger(idx) || idx < 0 || typeof uri !== 'string')
    throw new Refused("The token's status is malformed.")
  if (!ofIssuer(uri)) throw new Refused("The token's status list is not the issuer's.")
  return { idx, uri }
}

/**
 * RFC 7515 §2; unused bits must be zero (RFC 4648 §3.5), so that no two texts are one token.
 *
 * @param {string} token
 */
function isCanonical(token) {
  const parts = token.split('.')
  return parts.length === 3 && parts.every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
}

/** @param {unknown} value */
function isDate(value) {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER
}

/**
 * @param {unknown} value
 * @returns {value is string}
 */
function isUuid(value) {
  return typeof value === 'string' && /^[\da-f]{8}-([\da-f]{4}-){3}[\da-f]{12}$/i.test(value)
}

/**
 * One object is handed to every request of its token: what one of them changed, the next would see.
 *
 * @template {object} T
 * @param {T} value
 * @returns {T}
 */
function deepFreeze(value) {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) deepFreeze(member)
  return Object.freeze(value)
}

const FORBIDDEN = ['crit', 'jwk', 'jku', 'x5u', 'x5c', 'b64', 'zip', 'enc']
