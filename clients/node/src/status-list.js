// One Token Status List (draft-ietf-oauth-status-list): a signed JWT with a compressed array of bits.

import { promisify } from 'node:util'
import { inflate } from 'node:zlib'
import { date, isWhole, Refused, verifySigned } from './token.js'

/**
 * @typedef {object} StatusList
 * @property {number} version Increases with every revocation.
 * @property {number} expires Seconds since the epoch.
 * @property {number} ttl Seconds after which to fetch it again.
 * @property {(idx: number) => number | undefined} status The status of a token; undefined outside the list.
 */

/**
 * @param {string} jwt
 * @param {string} uri its URL, which must be its subject
 * @param {import('./keys.js').KeySet} keys
 * @param {import('./settings.js').Settings} settings
 * @returns {Promise<StatusList>}
 */
export async function readStatusList(jwt, uri, keys, settings) {
  const { claims } = await verifySigned(jwt, keys, settings, 'statuslist+jwt')
  const { sub, ttl, version, status_list: list } = claims.value
  if (sub !== uri) throw new Refused('The status list has a different URI than the one requested.')
  for (const [name, value] of Object.entries({ ttl, version }))
    if (!isWhole(value) || !claims.isInteger(name)) throw new Refused(`The list has no ${name}.`)
  const bytes = await unpack(list?.lst)
  const bits = claims.isInteger('status_list', 'bits') ? list.bits : undefined
  return { version, expires: date(claims.value, 'exp'), ttl, status: reader(bits, bytes) }
}

/** An unusable list signed by the issuer. Tokens that name it are rejected, whatever the policy. */
export class Unreadable extends Refused {}

/**
 * @param {unknown} bits of each status
 * @param {Buffer} bytes
 */
function reader(bits, bytes) {
  if (bits !== 1 && bits !== 2 && bits !== 4 && bits !== 8)
    throw new Unreadable('The bits of the status list are missing or invalid.')
  /** @param {number} idx */
  return (idx) => {
    const byte = bytes[Math.floor((idx * bits) / 8)]
    // The lowest bits of a byte come first.
    return byte === undefined ? undefined : (byte >> ((idx * bits) % 8)) & (2 ** bits - 1)
  }
}

/** @param {unknown} lst */
async function unpack(lst) {
  const packed = Buffer.from(typeof lst === 'string' ? lst : '', 'base64url')
  if (packed.toString('base64url') !== lst) throw new Unreadable("The lst of the status list is not canonical base64url.")
  // A decompression bomb causes an error at this size.
  const options = { maxOutputLength: 16 * 1024 * 1024, info: true }
  const unpacked = await promisify(inflate)(packed, options).catch((error) => {
    throw new Unreadable('The status list is not a ZLIB stream.', { cause: error })
  })
  // `info` also returns the engine, which stops at the end of the stream.
  const { buffer, engine } = /** @type {{ buffer: Buffer, engine: { bytesWritten: number } }} */ (
    /** @type {unknown} */ (unpacked)
  )
  if (engine.bytesWritten !== packed.length) throw new Unreadable('The status list has data after its end.')
  return buffer
}
