// The public interface of the package.
//
// Reading order: client.js (what an application calls), session.js (who is signed in, and the access token), tabs.js (what
// tabs share), http.js (one request), site.js (cookie or token mode), error.js.

export { createClient } from './client.js'
export { AuthError } from './error.js'

/** @typedef {import('./client.js').Client} Client */
/** @typedef {import('./client.js').Options} Options */
/** @typedef {import('./client.js').Challenge} Challenge */
/** @typedef {import('./client.js').Answer} Answer */
/** @typedef {import('./error.js').Field} Field */
/** @typedef {import('./session.js').Store} Store */
/** @typedef {import('./session.js').User} User */
