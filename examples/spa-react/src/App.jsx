import { SignedIn, SignedOut, useUser } from '@countersign/client/react'
import { useEffect, useState } from 'react'
import { auth, products } from './auth.js'
import { SignIn } from './SignIn.jsx'

export function App() {
  return (
    <main>
      <h1>Products</h1>
      <SignedIn>
        <Account />
        <Products />
      </SignedIn>
      <SignedOut>
        <SignIn />
      </SignedOut>
    </main>
  )
}

function Account() {
  const user = useUser()
  return (
    <p>
      Signed in as <strong>{user.email}</strong> <button onClick={() => auth.signOut()}>Sign out</button>
    </p>
  )
}

function Products() {
  const [list, setList] = useState([])
  const [error, setError] = useState('')

  async function load() {
    const response = await auth.fetch(products)
    if (!response.ok) throw new Error(`The API responded with ${response.status}.`)
    setList(await response.json())
  }
  useEffect(() => {
    load().catch((error) => setError(error.message))
  }, [])

  return (
    <>
      {error && <p role="alert">{error}</p>}
      <ul>
        {list.map(({ id, name }) => (
          <li key={id}>{name}</li>
        ))}
      </ul>
    </>
  )
}
