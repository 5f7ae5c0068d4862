const { COUNTERSIGN_URL = 'http://127.0.0.1:8000' } = process.env

// These paths belong to Countersign, so that its pages, its cookie and this application share one host.
const PAGES = 'signin|signup|signout|verify|recover|change-email|account|language|done|pages'

export default {
  rewrites: async () => ({
    beforeFiles: [
      { source: `/:root(${PAGES}|oauth2|\\.well-known)/:path*`, destination: `${COUNTERSIGN_URL}/:root/:path*` },
      { source: '/api/auth/:path*', destination: `${COUNTERSIGN_URL}/api/auth/:path*` },
    ],
  }),
}
