import { rewrites } from '@countersign/guard/next'

// Countersign's pages and API are at paths of this application, so that both share one host and its cookie.
export default {
  rewrites: async () => rewrites(process.env.AUTH_URL ?? 'http://127.0.0.1:8000'),
}
