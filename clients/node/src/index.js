// The face of the package: verify a token, and know its user.
//
// Reading order: guard.js (what happens to a token), token.js (the rules), keys.js and lists.js (what is fetched and
// kept), status-list.js (one list), settings.js, denied.js, http.js.

export { createGuard, Guard } from './guard.js'
export { Denied, requireScope } from './denied.js'

/** @typedef {import('./settings.js').Options} Options */
/** @typedef {import('./token.js').User} User */
/** @typedef {import('./bearer.js').Headed} Headed */
/** @typedef {import('./denied.js').Problem} Problem */
