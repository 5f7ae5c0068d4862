// Next.js in front of Countersign: both share one host, and so the session cookie.

/** The first segments of the paths of Countersign's pages and of its public documents. */
const ROOTS = 'signin|signup|signout|verify|recover|change-email|account|authorize|device|language|done|pages|oauth2|\\.well-known'

/**
 * Passes Countersign's paths on: `export default { rewrites: async () => rewrites('http://127.0.0.1:8000') }`.
 *
 * @param {string} url where this server reaches Countersign
 */
export function rewrites(url) {
  return {
    beforeFiles: [
      { source: `/:root(${ROOTS})/:path*`, destination: `${url}/:root/:path*` },
      { source: '/api/auth/:path*', destination: `${url}/api/auth/:path*` },
    ],
  }
}
