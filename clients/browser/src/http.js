// One request to the server, with a time limit. Redirects are not followed.

import { AuthError } from './error.js'

const TIMEOUT = 15_000

/**
 * @param {string} url
 * @param {{ method?: string, body?: unknown, token?: string, cookie?: boolean, keepalive?: boolean }} [options]
 *   `cookie`: send and accept cookies of the server
 * @returns {Promise<any>} the parsed body; undefined if it is empty
 * @throws {AuthError}
 */
export async function call(url, { method = 'POST', body, token, cookie, keepalive = false } = {}) {
  /** @type {Record<string, string>} */
  const headers = {}
  if (body) headers['Content-Type'] = 'application/json'
  if (token) headers.Authorization = `Bearer ${token}`
  /** @type {Response} */
  let response
  let text
  try {
    response = await fetch(url, {
      method,
      headers,
      body: body ? JSON.stringify(body) : null,
      credentials: cookie ? 'include' : 'omit',
      cache: 'no-store',
      redirect: 'error',
      keepalive,
      signal: /** @type {any} */ (AbortSignal).timeout?.(TIMEOUT),
    })
    text = await response.text()
  } catch (cause) {
    const { origin } = new URL(url)
    throw new AuthError('network', `${origin} cannot be reached. If it is up, check that it lists this page in app_origins.`, { cause })
  }
  const answer = parse(text)
  if (!response.ok) throw problem(response, answer ?? {})
  if (text && !answer) throw new AuthError('invalid_response', 'The response is not JSON.', { status: response.status })
  return answer
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * @param {Response} response
 * @param {any} answer a problem document, or anything that a proxy sends
 */
function problem({ status, headers }, answer) {
  return new AuthError(answer.code ?? `http_${status}`, answer.detail ?? `The server responded with ${status}.`, {
    status,
    fields: Object.fromEntries((answer.errors ?? []).map((/** @type {any} */ { field, code, detail }) => [field, { code, detail }])),
    retryAfter: parseInt(headers.get('Retry-After') ?? '') || undefined,
    requestId: answer.request_id,
  })
}
