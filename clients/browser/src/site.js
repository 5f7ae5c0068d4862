// Whether a page and the server are of one site, so that the browser sends the server's cookie with the page's requests.

/**
 * Guesses: without the Public Suffix List, `a.co.uk` and `b.co.uk` look like one site. The server knows better, because the
 * browser tells it (`Sec-Fetch-Site`), so a wrong guess is corrected by the first response.
 *
 * @param {URL | Location} page
 * @param {URL} issuer
 */
export function looksSameSite(page, issuer) {
  if (page.protocol !== issuer.protocol) return false
  if (page.hostname === issuer.hostname) return true
  // An IP address has no parent domain.
  if (/^[\d.]+$|:/.test(page.hostname + issuer.hostname)) return false
  const parents = (/** @type {string} */ host) => host.split('.').slice(-2).join('.')
  const parent = parents(page.hostname)
  return parent.includes('.') && !parent.endsWith('.localhost') && parent === parents(issuer.hostname)
}
