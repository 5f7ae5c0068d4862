// The rules for one access token (docs/security/token-rules.md; RFC 9068 §4, RFC 8725 §3). No claim is read before
// the signature is verified.

import { verify } from 'node:crypto'
import { Denied } from './denied.js'
import { UnknownKey } from './keys.js'
import { shown } from './shown.js'
import { Ambiguous, readObject } from './strict-json.js'

/**
 * The subject of a token: a user's account (`id` is a UUID), or a client (`id` is its `client_id`) that acts for itself. It
 * is a client if `sub` equals `client_id`, and otherwise an account. The two cannot be confused: accounts have UUIDs, and a
 * token whose `client_id` is a UUID is rejected.
 *
 * @typedef {Readonly<{ kind: 'account' | 'client', id: string }>} Subject
 */

/**
 * A token whose signature and claims are valid and which was not revoked. Frozen.
 *
 * @typedef {object} VerifiedToken
 * @property {Subject} subject
 * @property {string} clientId The client that the token was issued to.
 * @property {string | undefined} session The session, a UUID, if the token belongs to one. A client's never does.
 * @property {readonly string[]} scopes What the token may be used for.
 * @property {Readonly<Record<string, any>>} claims All claims of the token.
 */

/**
 * The user of a request. Frozen.
 *
 * @typedef {object} User
 * @property {string} id The account, a UUID.
 * @property {string | undefined} session The session, a UUID, if the token belongs to one.
 * @property {readonly string[]} scopes What the token may be used for.
 * @property {string | undefined} email The user's email address, if the issuer includes it in its tokens. It may belong to
 *   someone else unless `emailVerified` is true.
 * @property {boolean | undefined} emailVerified Whether the user has shown control of the email address, if the issuer
 *   includes it in its tokens.
 * @property {string | undefined} name The name that the user has given, if there is one and the issuer includes it in its
 *   tokens. It is not an identifier; escape it before you display it.
 * @property {Readonly<Record<string, any>>} claims All claims of the token.
 */

/**
 * The client that calls on its own behalf, such as a cron job. Frozen.
 *
 * @typedef {object} VerifiedClient
 * @property {string} id The client's `client_id`, which is never a UUID.
 * @property {readonly string[]} scopes What the token may be used for.
 * @property {Readonly<Record<string, any>>} claims All claims of the token.
 */

/**
 * The caller: a user, through any client, or a client on its own behalf. Frozen.
 *
 * @typedef {(User & { kind: 'user' }) | (VerifiedClient & { kind: 'client' })} Caller
 */

/**
 * A token whose signature and claims are valid. Whether its session is active is checked each time.
 *
 * @typedef {object} Verified
 * @property {VerifiedToken} token
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
  const { issuer } = settings
  try {
    const { claims, key } = await verifySigned(token, keys, settings, 'at+jwt')
    return {
      token: readToken(claims.value, settings),
      expires: date(claims.value, 'exp'),
      key,
      status: readStatus(claims, settings),
    }
  } catch (error) {
    if (error instanceof Refused || error instanceof UnknownKey) throw Denied.invalid(issuer, error.message, error.cause)
    throw error
  }
}

/**
 * Checks what access tokens and status lists share: the issuer's key, ES256, strict form, iss, iat, exp, nbf.
 *
 * @param {string} token
 * @param {import('./keys.js').KeySet} keys
 * @param {import('./settings.js').Settings} settings
 * @param {string} typ
 * @returns {Promise<{ claims: import('./strict-json.js').Read, key: import('./keys.js').Key }>}
 */
export async function verifySigned(token, keys, settings, typ) {
  const parts = token.split('.')
  if (parts.length !== 3 || !parts.every(isCanonical))
    throw new Refused('The token is not three parts of canonical base64url.')
  const header = read('header', decode(parts[0])).value
  checkHeader(header, typ)
  const key = await keys.find(header.kid)
  // RFC 8725 §3.1: the key determines the algorithm, never the token. RFC 7518 §3.4: r ‖ s, not DER.
  const [signed, signature] = [token.slice(0, token.lastIndexOf('.')), decode(parts[2])]
  if (!verify('sha256', Buffer.from(signed), { key: key.public, dsaEncoding: 'ieee-p1363' }, signature))
    throw new Refused("The token's signature is not valid.")
  const claims = read('payload', decode(parts[1]))
  if (claims.value.iss !== settings.issuer) throw new Refused('The token is from another issuer.')
  checkTimes(claims.value, settings)
  return { claims, key }
}

/** @param {string | undefined} part */
function decode(part = '') {
  return Buffer.from(part, 'base64url')
}

/**
 * @param {string} part
 * @param {Uint8Array} bytes
 */
function read(part, bytes) {
  try {
    return readObject(bytes)
  } catch (error) {
    if (error instanceof Ambiguous) throw new Refused(`The token's ${part} is malformed: ${error.message}.`)
    throw error
  }
}

/**
 * @param {Record<string, unknown>} header
 * @param {string} typ
 */
function checkHeader(header, typ) {
  if (header.alg !== 'ES256') throw new Refused('The token is not signed with ES256.')
  // RFC 8725 §3.10: a key in the token proves nothing, and fetching one allows request forgery. No extension and no other
  // encoding is supported.
  for (const name of FORBIDDEN) if (Object.hasOwn(header, name)) throw new Refused(`The token's header has ${name}.`)
  // RFC 7515 §4.1.9: a media type, without regard to case and with an optional `application/`.
  const bare = typeof header.typ === 'string' ? header.typ.replace(/^application\//i, '') : ''
  if (bare.toLowerCase() !== typ) throw new Refused("The token's typ is not the expected one.")
  if (typeof header.kid !== 'string') throw new Refused("The token's header has no kid.")
}

/**
 * @param {Record<string, unknown>} claims
 * @param {import('./settings.js').Settings} settings
 */
function checkTimes(claims, { now, leeway }) {
  const seconds = now() / 1000
  // RFC 7519 §4.1.4: the token is rejected "on or after" the time in `exp`.
  if (seconds - leeway >= date(claims, 'exp')) throw new Refused('The token has expired.')
  if (claims.nbf !== undefined && date(claims, 'nbf') > seconds + leeway)
    throw new Refused('The token is not valid yet.')
  if (date(claims, 'iat') > seconds + leeway) throw new Refused('The token was issued in the future.')
}

/** A violation of a rule that the library does not check. */
export class Refused extends Error {}

/** The token is genuine, but not for this service. */
export class OtherAudience extends Error {}

/**
 * Claims that RFC 9068 §2.2 requires must be present; others must be valid if present.
 *
 * @param {Record<string, unknown>} claims
 * @param {import('./settings.js').Settings} settings
 * @returns {VerifiedToken}
 */
function readToken(claims, { audience }) {
  // RFC 7519 §4.1.3: a string or a list; one of the names must be ours.
  const aud = typeof claims.aud === 'string' ? [claims.aud] : texts(claims, 'aud')
  if (!aud.some((name) => audience.includes(name))) {
    // For the log of the service only: what it expects is none of the client's business.
    const named = shown(aud.join(',')) || 'no one'
    const both = `The token is for ${named}, and this guard expects ${audience.join(' or ')}.`
    throw new Refused('The token is for another audience.', { cause: new OtherAudience(both) })
  }
  uuid(claims, 'jti')
  if (claims.auth_time !== undefined) date(claims, 'auth_time')
  if (claims.amr !== undefined) texts(claims, 'amr')
  for (const name of ['email', 'name']) if (claims[name] !== undefined) text(claims, name)
  if (claims.email_verified !== undefined && typeof claims.email_verified !== 'boolean')
    throw new Refused("The token's email_verified is not a boolean.")
  const clientId = readClientId(claims)
  const subject = readSubject(claims, clientId)
  const session = claims.sid === undefined ? undefined : uuid(claims, 'sid')
  const scope = claims.scope === undefined ? '' : text(claims, 'scope')
  const scopes = [...new Set(scope.split(' ').filter(Boolean))]
  return deepFreeze({ subject, clientId, session, scopes, claims })
}

/**
 * Returns a client's id. A UUID is rejected: RFC 9068 §5 warns of clients that pass for users.
 *
 * @param {Record<string, unknown>} claims
 */
function readClientId(claims) {
  const value = text(claims, 'client_id')
  if (value === '' || UUID.test(value)) throw new Refused("The token's client_id is empty or a UUID.")
  return value
}

/**
 * Returns the subject: a UUID for an account, or `client_id` for a client, for which no user signed in.
 *
 * @param {Record<string, unknown>} claims
 * @param {string} clientId
 * @returns {Subject}
 */
function readSubject(claims, clientId) {
  const sub = text(claims, 'sub')
  if (UUID.test(sub)) return { kind: 'account', id: sub.toLowerCase() }
  if (sub !== clientId) throw new Refused("The token's sub is neither an account nor the client.")
  for (const name of ['sid', 'auth_time', 'amr', 'email', 'email_verified', 'name'])
    if (claims[name] !== undefined) throw new Refused(`The token belongs to a client but contains ${name}.`)
  return { kind: 'client', id: sub }
}

/**
 * Returns the user of a token.
 *
 * @param {VerifiedToken} token
 * @returns {User}
 * @throws {Denied} 403 if the token is a client's
 */
export function requireUser({ subject, session, scopes, claims }) {
  if (subject.kind !== 'account') throw Denied.userRequired(String(claims.iss))
  const { email, email_verified: emailVerified, name } = claims
  return Object.freeze({ id: subject.id, session, scopes, email, emailVerified, name, claims })
}

/**
 * Returns who calls: the user of a token, or the client of a client's token.
 *
 * @param {VerifiedToken} token
 * @returns {Caller}
 */
export function callerOf(token) {
  const { subject, scopes, claims } = token
  if (subject.kind === 'client') return Object.freeze({ kind: 'client', id: subject.id, scopes, claims })
  return Object.freeze({ kind: 'user', ...requireUser(token) })
}

/**
 * @param {import('./strict-json.js').Read} claims
 * @param {import('./settings.js').Settings} settings
 * @returns {StatusReference | undefined}
 */
function readStatus({ value: { status }, isInteger }, { requireStatus, ofIssuer }) {
  if (status === undefined) {
    if (requireStatus) throw new Refused('The token has no status claim.')
    return undefined
  }
  const { idx, uri } = status?.status_list ?? {}
  if (!isWhole(idx) || !isInteger('status', 'status_list', 'idx') || typeof uri !== 'string')
    throw new Refused("The token's status is malformed.")
  if (!ofIssuer(uri)) throw new Refused("The token's status list is not on the issuer's origin.")
  return { idx, uri }
}

/**
 * RFC 7515 §2; unused bits must be zero (RFC 4648 §3.5), so that a token has one spelling.
 *
 * @param {string} part
 */
function isCanonical(part) {
  return Buffer.from(part, 'base64url').toString('base64url') === part
}

/**
 * A NumericDate (RFC 7519 §2) in whole seconds: a fraction is dropped. Beyond 2^53 − 1 a JSON number is not exact
 * (RFC 7493 §2.2) and is rejected.
 *
 * @param {Record<string, unknown>} claims
 * @param {string} name
 */
export function date(claims, name) {
  const value = claims[name]
  if (typeof value !== 'number' || value < 0 || value > Number.MAX_SAFE_INTEGER)
    throw new Refused(`The token's ${name} is not a numeric date.`)
  return Math.trunc(value)
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
export function isWhole(value) {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

/**
 * @param {Record<string, unknown>} claims
 * @param {string} name
 */
function text(claims, name) {
  const value = claims[name]
  if (typeof value !== 'string') throw new Refused(`The token's ${name} is not a string.`)
  return value
}

/**
 * @param {Record<string, unknown>} claims
 * @param {string} name
 */
function texts(claims, name) {
  const value = claims[name]
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
    throw new Refused(`The token's ${name} is not a list of strings.`)
  return value
}

/**
 * Accepts only the form with hyphens (RFC 9562 §4).
 *
 * @param {Record<string, unknown>} claims
 * @param {string} name
 */
function uuid(claims, name) {
  const value = text(claims, name)
  if (!UUID.test(value)) throw new Refused(`The token's ${name} is not a UUID.`)
  // In lowercase, like the other guards, so that an account has one spelling.
  return value.toLowerCase()
}

/**
 * Freezes an object that all requests with its token share.
 *
 * @template {object} T
 * @param {T} value
 * @returns {T}
 */
function deepFreeze(value) {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) deepFreeze(member)
  return Object.freeze(value)
}

const UUID = /^[\da-f]{8}-([\da-f]{4}-){3}[\da-f]{12}$/i
const FORBIDDEN = ['crit', 'jwk', 'jku', 'x5u', 'x5c', 'b64', 'zip', 'enc']
