import { useState } from 'react'
import { auth } from './auth.js'

const MESSAGES = {
  invalid_credentials: 'The email address or the password is wrong.',
  email_taken: 'This email address already has an account.',
  password_too_short: 'This password is too short.',
  password_breached: 'This password is known from a data breach. Choose another one.',
  network: 'The server cannot be reached. Try again.',
}

export function SignIn() {
  const [message, setMessage] = useState('')

  async function submit(event) {
    event.preventDefault()
    const { email, password } = Object.fromEntries(new FormData(event.currentTarget))
    try {
      if (event.nativeEvent.submitter.value === 'sign-in') await auth.signIn({ email, password })
      else if ((await auth.signUp({ email, password })).challenge) setMessage('Check your inbox to confirm your email address.')
    } catch (error) {
      const code = error.fields?.password?.code ?? error.fields?.email?.code ?? error.code
      setMessage(MESSAGES[code] ?? 'Something went wrong. Try again.')
    }
  }

  return (
    <form onSubmit={submit}>
      <label>
        Email address
        <input name="email" type="email" autoComplete="username" required />
      </label>
      <label>
        Password
        <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <p role="alert">{message}</p>
      <button value="sign-in">Sign in</button>
      <button value="sign-up">Create account</button>
      <p>
        <button type="button" onClick={() => auth.goToSignIn()}>Use the sign-in page</button>
      </p>
    </form>
  )
}
