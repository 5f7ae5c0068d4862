// For React 18 and later: who is signed in, as hooks and components.

import { createContext, createElement, Fragment, useContext, useSyncExternalStore } from 'react'

/** @typedef {import('./client.js').Client} Client */
/** @typedef {import('./session.js').User} User */
/** @typedef {import('react').ReactNode} ReactNode */

const Context = createContext(/** @type {Client | null} */ (null))

/**
 * Makes a client available to the components inside. Create the client outside of components.
 *
 * @param {{ client: Client, children?: ReactNode }} properties
 */
export function AuthProvider({ client, children }) {
  return createElement(Context.Provider, { value: client }, children)
}

/** Returns the client. @returns {Client} */
export function useAuth() {
  const client = useContext(Context)
  if (!client) throw new Error('useAuth, useUser, SignedIn and SignedOut need an <AuthProvider client={…}> around them.')
  return client
}

/**
 * Returns the signed-in user: `null` if no one is signed in, `undefined` while that is not known, as on a server.
 *
 * @returns {User | null | undefined}
 */
export function useUser() {
  const client = useAuth()
  return useSyncExternalStore(client.onChange, () => client.user, () => undefined)
}

/** Shows its children to a signed-in user. @param {{ children?: ReactNode }} properties */
export function SignedIn({ children }) {
  return useUser() ? createElement(Fragment, null, children) : null
}

/** Shows its children if no one is signed in. @param {{ children?: ReactNode }} properties */
export function SignedOut({ children }) {
  return useUser() === null ? createElement(Fragment, null, children) : null
}
