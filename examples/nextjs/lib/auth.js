import { createGuard } from '@countersign/guard'
import { headers } from 'next/headers'
import { redirect } from 'next/navigation'
import { cache } from 'react'

const { APP_URL = 'http://127.0.0.1:3000', AUTH_URL = 'http://127.0.0.1:8000' } = process.env

// To browsers, Countersign is at the URL of this application.
const guard = createGuard({ issuer: APP_URL, baseUrl: AUTH_URL })

/** The session of the signed-in user, or null. Asks Countersign once for each request. */
export const getSession = cache(async () => guard.sessionFromCookie({ headers: await headers() }, { trustProxy: true }))

/** The same for pages of signed-in users: sends others to the sign-in page, which leads back to `path`. */
export async function requireSession(path) {
  return (await getSession()) ?? redirect(`/signin?return_to=${encodeURIComponent(path)}`)
}
