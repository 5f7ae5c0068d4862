// The options of a guard, validated once, and where its requests may go.

/**
 * @typedef {object} Options
 * @property {string} issuer The issuer's URL, exactly as in the `iss` of its tokens. Required.
 * @property {string | readonly string[]} [audience] The name of your service, or several; a token must be for one of them.
 *   Default: the issuer.
 * @property {string} [baseUrl] Where to reach the issuer from here, if not at its own URL (containers).
 * @property {number} [leeway] The allowed clock difference in seconds. Default: 30.
 * @property {'serve_until_expiry' | 'fail_open' | 'fail_closed'} [whenStale] What to do if a status list cannot be
 *   refreshed. `serve_until_expiry` (default): the current list is used until its `exp`, then 503. `fail_closed`: 503 as
 *   soon as it is older than its `ttl` plus 10 seconds. `fail_open`: tokens are accepted, even without a list; revocations
 *   in this time are not noticed.
 * @property {boolean} [requireStatus] Whether to reject a token without a `status`, which cannot be revoked.
 *   Default: true.
 * @property {number} [unknownKeyCooldown] The minimum seconds between two fetches caused by unknown keys.
 *   Default: 30.
 * @property {number} [cacheSize] How many verified tokens to remember; 0 disables the cache. Default: 10,000.
 * @property {() => number} [now] The current time in milliseconds since the epoch, for tests. Default: `Date.now`.
 */

/**
 * @typedef {object} Settings
 * @property {string} issuer
 * @property {string[]} audience
 * @property {number} leeway
 * @property {'serve_until_expiry' | 'fail_open' | 'fail_closed'} whenStale
 * @property {boolean} requireStatus
 * @property {number} unknownKeyCooldown
 * @property {number} cacheSize
 * @property {() => number} now
 * @property {string | undefined} baseUrl
 * @property {(address: string) => boolean} ofIssuer Whether a URL has the issuer's origin and the spelling that
 *   docs/security/token-rules.md requires.
 * @property {(address: string) => URL} locate Where to fetch a URL that the issuer named. Throws if nowhere.
 */

/**
 * @param {Options} options
 * @returns {Settings}
 * @throws {TypeError} for an invalid option
 */
export function readOptions(options) {
  const {
    issuer,
    audience = issuer,
    baseUrl,
    leeway = 30,
    whenStale = 'serve_until_expiry',
    requireStatus = true,
    unknownKeyCooldown = 30,
    cacheSize = 10_000,
    now = Date.now,
    ...unknown
  } = options
  for (const name in unknown) throw new TypeError(`Unknown option ${name}.`)
  const whereabouts = places(issuer, baseUrl)
  const audiences = [audience].flat()
  must(
    audiences.length > 0 && audiences.every((one) => typeof one === 'string' && one),
    'audience must be a name or a list of names',
  )
  must(POLICIES.includes(whenStale), `whenStale must be one of ${POLICIES.join(', ')}`)
  must(typeof requireStatus === 'boolean', 'requireStatus must be true or false')
  must(typeof now === 'function', 'now is a function')
  for (const [name, number] of Object.entries({ leeway, unknownKeyCooldown, cacheSize })) {
    must(Number.isFinite(number) && number >= 0, `${name} must be a number of 0 or more`)
  }
  return {
    issuer,
    audience: audiences,
    leeway,
    whenStale,
    requireStatus,
    unknownKeyCooldown,
    cacheSize,
    now,
    ...whereabouts,
  }
}

/**
 * Where requests may go: to the issuer, and unencrypted only on this machine or to the configured base URL.
 *
 * @param {string} issuer
 * @param {string | undefined} baseUrl
 */
function places(issuer, baseUrl) {
  const home = web('issuer', issuer)
  // In another spelling it would equal no `iss`, and every token would be rejected.
  must(home.pathname === '/' && !issuer.endsWith('/'), 'issuer must be a URL without a path or a trailing slash')
  const base = baseUrl === undefined ? undefined : web('baseUrl', baseUrl)
  must(
    base || home.protocol === 'https:' || isLoopback(home),
    'issuer must use https, unless it is on this machine or baseUrl is set',
  )
  const prefix = base?.href.replace(/\/$/, '')
  return {
    baseUrl: prefix,
    /** @param {string} address */
    ofIssuer: (address) => {
      // Character by character, like the list's `sub`. Another spelling would be fetched in vain.
      const path = address.startsWith(`${issuer}/`) ? address.slice(issuer.length) : ''
      return PLAIN_PATH.test(path) && !DOT_SEGMENT.test(path)
    },
    /** @param {string} address */
    locate: (address) => {
      const url = web('a URL from the issuer', address, true)
      if (prefix && url.origin === home.origin) return new URL(prefix + url.pathname + url.search)
      must(
        url.protocol === 'https:' || (isLoopback(url) && isLoopback(home)),
        `${url.origin} must use https (http is only allowed on loopback hosts)`,
      )
      return url
    },
  }
}

/**
 * @param {string} name
 * @param {string} address
 * @param {boolean} [query] whether a query is allowed
 */
function web(name, address, query = false) {
  must(typeof address === 'string' && URL.canParse(address), `${name} must be a URL`)
  const url = new URL(address)
  must(
    /^https?:$/.test(url.protocol) && !url.username && !url.password,
    `${name} must be http or https, without credentials`,
  )
  must(!url.hash && (query || !url.search), `${name} must not have a query or fragment`)
  return url
}

/** @param {URL} url */
function isLoopback(url) {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
}

/**
 * @param {unknown} holds
 * @param {string} sentence
 * @returns {asserts holds}
 */
function must(holds, sentence) {
  if (!holds) throw new TypeError(`@countersign/guard: ${sentence}.`)
}

/** RFC 3986 §3.3 and §3.4, without the apostrophe, which URL parsers escape. */
const PLAIN_PATH = /^\/(?:[A-Za-z0-9._~!$&()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*$/
/** What RFC 3986 §5.2.4 removes: `.` and `..`, escaped or not. */
const DOT_SEGMENT = /[/?](?:\.|%2e){1,2}(?:[/?]|$)/i
const POLICIES = ['serve_until_expiry', 'fail_open', 'fail_closed']
