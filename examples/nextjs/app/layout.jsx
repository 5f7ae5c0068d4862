import { getSession } from '../lib/auth.js'
import './style.css'

export const metadata = { title: 'Orders' }

export default async function Layout({ children }) {
  const session = await getSession()
  return (
    <html lang="en">
      <body>
        <nav aria-label="Account">
          {session ? (
            <>
              <span>{session.user.email}</span>
              {/* Not <Link>: these pages are Countersign's. */}
              <a href="/account?return_to=/">Account</a>
              <a href="/signout?return_to=/">Sign out</a>
            </>
          ) : (
            <>
              <a href="/signin?return_to=/">Sign in</a>
              <a href="/signup?return_to=/">Create account</a>
            </>
          )}
        </nav>
        <main>{children}</main>
      </body>
    </html>
  )
}
