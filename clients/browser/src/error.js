// The one error that the client throws.

/**
 * @typedef {object} Field an invalid field of a request
 * @property {string} code a stable code, for programs
 * @property {string} detail what is wrong, for developers
 */

/** A failed call. Branch on `code`; `message` is for developers and may change. It never contains a token. */
export class AuthError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ status?: number, fields?: Record<string, Field>, retryAfter?: number, requestId?: string, cause?: unknown }} [more]
   */
  constructor(code, message, { status = 0, fields = {}, retryAfter, requestId, cause } = {}) {
    super(message, { cause })
    this.name = 'AuthError'
    /** A code of docs/errors.md, or one of the client: `network`, `invalid_response`, `login_required`, `origin_not_allowed`, `redirected`, `not_same_site`. */
    this.code = code
    /** The HTTP status; 0 if there was no response. */
    this.status = status
    /** The invalid fields, by name. */
    this.fields = fields
    /** The seconds to wait before another attempt, if the server said so. */
    this.retryAfter = retryAfter
    /** The ID of the request in the server log. */
    this.requestId = requestId
  }
}

export const loginRequired = () => new AuthError('login_required', 'No one is signed in.', { status: 401 })
