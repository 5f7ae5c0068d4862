// One request with limits, and the delay before the next. Uses node:http because a pending fetch would keep the process
// alive. Redirects are not followed, and nothing is decompressed.

import { request as clear } from 'node:http'
import { request as encrypted } from 'node:https'

/**
 * @param {URL} address
 * @param {{ method?: string, headers: Record<string, string>, milliseconds: number, limit: number, signal: AbortSignal }} bounds
 *   the limit of the body, in bytes
 * @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: Buffer }>}
 */
export function send(address, { method = 'GET', headers, milliseconds, limit, signal }) {
  return new Promise((resolve, reject) => {
    const request = address.protocol === 'https:' ? encrypted : clear
    // A new connection: a kept one could be closed during the request.
    const asking = request(address, { method, agent: false, headers: { 'Accept-Encoding': 'identity', ...headers }, signal })
    const timer = setTimeout(() => asking.destroy(new Error('timed out')), milliseconds).unref()
    asking.on('socket', (socket) => socket.unref())
    asking.on('error', reject)
    asking.on('close', () => {
      clearTimeout(timer)
      // Has no effect after a response.
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
        if (length > limit) asking.destroy(new Error(`the response is larger than ${limit} bytes`))
      })
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
      })
    })
    asking.end()
  })
}

/**
 * Returns the milliseconds to wait after consecutive failures: 200 to 5,000, minus up to a quarter.
 *
 * @param {number} failures
 */
export function backoff(failures) {
  return Math.min(5_000, 200 * 2 ** failures) * (1 - Math.random() / 4)
}

/**
 * Waits for something that does not keep the process alive by itself.
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
