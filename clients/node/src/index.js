// The public interface of the package.
//
// Reading order: guard.js (what happens to a token), token.js (the rules), keys.js and lists.js (what is fetched and
// kept), status-list.js (one list), shown.js (text in errors), session.js (the session of a cookie), settings.js,
// denied.js, http.js.

export { createGuard, Guard } from './guard.js'
export { Denied, requireScope } from './denied.js'
export { callerOf, requireUser } from './token.js'

/** @typedef {import('./settings.js').Options} Options */
/** @typedef {import('./token.js').Caller} Caller */
/** @typedef {import('./token.js').Subject} Subject */
/** @typedef {import('./token.js').User} User */
/** @typedef {import('./token.js').VerifiedClient} VerifiedClient */
/** @typedef {import('./token.js').VerifiedToken} VerifiedToken */
/** @typedef {import('./bearer.js').Headed} Headed */
/** @typedef {import('./denied.js').Problem} Problem */
/** @typedef {import('./session.js').Session} Session */
/** @typedef {import('./session.js').SessionOptions} SessionOptions */
