// One bounded request, and how long to wait for the next. Over node:http because a poll of fetch would keep the process
// alive; redirects are not followed, and nothing is decompressed.

import { request as clear } from 'node:http'
import { request as encrypted } from 'node:https'

/**
 * @param {URL} address
 * @param {{ headers: Record<string, string>, milliseconds: number, limit: number, signal: AbortSignal }} bounds
 *   the limit of the body is in bytes
 * @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: Buffer }>}
 */
export function get(address, { headers, milliseconds, limit, signal }) {
  return new Promise((resolve, reject) => {
    const request = address.protocol === 'https:' ? encrypted : clear
    // A connection of its own: one that was kept could be closed under the request.
    const asking = request(address, { agent: false, headers: { 'Accept-Encoding': 'identity', ...headers }, signal })
    const timer = setTimeout(() => asking.destroy(new Error('no answer in time')), milliseconds).unref()
    asking.on('socket', (socket) => socket.unref())
    asking.on('error', reject)
    asking.on('close', () => {
      clearTimeout(timer)
      // Does nothing after an answer.
      reject(new Error('the connection was closed'))
    })
    asking.on('response', (response) => {
      /** @type {Buffer[]} */
      const chunks = []
      let length = 0
      response.on('error', reject)
      response.on('data', (chunk) => {
        chunks.push(chunk)
        length += chunk.length
        if (length > limit) asking.destroy(new Error(`the answer has more than ${limit} bytes`))
      })
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
      })
    })
    asking.end()
  })
}

/**
 * Milliseconds to wait after so many failures in a row: 200 to 5,000, less up to a quarter.
 *
 * @param {number} failures
 */
export function backoff(failures) {
  return Math.min(5_000, 200 * 2 ** failures) * (1 - Math.random() / 4)
}

/**
 * Waits for something that by itself does not keep the process alive.
 *
 * @template T
 * @param {Promise<T>} promise
 */
export async function attentive(promise) {
  const alive = setInterval(() => {}, 2 ** 30)
  try {
    return await promise
  } finally {
    clearInterval(alive)
  }
}
