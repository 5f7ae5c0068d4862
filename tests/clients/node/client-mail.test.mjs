// What the client does by email: codes and links, against the real server and a mail server that accepts everything.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { AuthError, createClient } from '@countersign/client'
import { simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import { password, startServer } from './server.mjs'

const options = { timeout: 60_000 }
const mails = []
let smtp, open, strict, linked
before(async () => {
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, _session, done) => void simpleParser(stream).then((mail) => (mails.push(mail), done()), done),
  })
  smtp.listen(0, '127.0.0.1')
  await once(smtp.server, 'listening')
  const settings = {
    COUNTERSIGN_LIMITS__ENABLED: 'false',
    COUNTERSIGN_MAIL__SMTP_URL: `smtp://127.0.0.1:${smtp.server.address().port}`,
  }
  open = await startServer(settings)
  strict = await startServer({ ...settings, COUNTERSIGN_EMAIL_VERIFICATION: 'required' })
  linked = await startServer(settings, '127.0.0.1', `
    [[applications]]
    name = "Orders"
    origins = ["https://app.example.com"]
    [applications.mail_links]
    verify = "https://app.example.com/welcome"
    recover = "https://app.example.com/password?from=email"
    sign_in = "https://app.example.com/magic"
  `)
})
after(async () => {
  await open?.stop()
  await strict?.stop()
  await linked?.stop()
  await new Promise((stopped) => smtp.close(stopped))
})

const newEmail = () => `ada-${randomUUID()}@example.com`

// The code, the link and its token of the next email to this user that leads to this page.
async function mailed(email, page) {
  for (;; await pause(50)) {
    const found = mails.findIndex(({ to, text }) => to.text === email && text.includes(`${page}?`))
    if (found < 0) continue
    const [{ text }] = mails.splice(found, 1)
    const link = new URL(text.match(/https?:\S+[?&]token=\S+/)[0])
    return { code: text.match(/^\d{6}$/m)?.[0], link, token: link.searchParams.get('token') }
  }
}

test('signing in by code, by link, and with a wrong code', options, async () => {
  const auth = createClient(open.base)
  const email = newEmail()
  await auth.signUp({ email, password })
  await auth.signOut()

  const challenge = await auth.signInWithEmail(email)
  const { code } = await mailed(email, '/signin/email')
  const wrong = code === '000000' ? '000001' : '000000'
  await assert.rejects(auth.confirmSignIn({ ...challenge, code: wrong }), { name: 'AuthError', code: 'invalid_code', status: 400 })
  assert.equal(auth.user, null)
  assert.equal((await auth.confirmSignIn({ ...challenge, code })).email, email)
  assert.equal(auth.user.email, email)
  await auth.signOut()

  await auth.signInWithEmail(email)
  const { token } = await mailed(email, '/signin/email')
  assert.equal((await auth.confirmSignIn({ token })).email, email)
})

test('verifying the email address of the signed-in user', options, async () => {
  const auth = createClient(open.base)
  const email = newEmail()
  const { user } = await auth.signUp({ email, password })
  assert.equal(user.email_verified, false)
  const seen = []
  auth.onChange((user) => seen.push(user?.email_verified))
  await mailed(email, '/verify')
  const challenge = await auth.verifyEmail(email)
  const answer = await mailed(email, '/verify')
  assert.equal((await auth.confirmEmail({ ...challenge, code: answer.code })).email_verified, true)
  await pause(0)
  assert.deepEqual(seen, [false, true])
})

test('a link opened elsewhere needs the password', options, async () => {
  const email = newEmail()
  const first = createClient(open.base)
  await first.signUp({ email, password })
  const { token } = await mailed(email, '/verify')
  const elsewhere = createClient(open.base)
  await assert.rejects(elsewhere.confirmEmail({ token }), { code: 'password_required', status: 403 })
  await elsewhere.confirmEmail({ token, password })
  assert.equal((await first.reload()).email_verified, true)
})

test('a sign-up that must be confirmed first', options, async () => {
  const auth = createClient(strict.base)
  const email = newEmail()
  const { user, challenge } = await auth.signUp({ email, password })
  assert.equal(user, null)
  assert.equal(auth.user, null)
  const { code } = await mailed(email, '/verify')
  const confirmed = await auth.confirmEmail({ ...challenge, code, password })
  assert.deepEqual([confirmed.email, confirmed.email_verified], [email, true])
  assert.equal(auth.user.email, email)

  // Without the password, the account is created, and the user signs in.
  const another = newEmail()
  const second = await auth.signUp({ email: another, password })
  await auth.signOut()
  assert.equal(await auth.confirmEmail({ ...second.challenge, code: (await mailed(another, '/verify')).code }), null)
  assert.equal((await auth.signIn({ email: another, password })).email, another)
})

test('links lead to the pages of the application, which pass the token to the client', options, async () => {
  const email = newEmail()
  const auth = createClient(linked.base)
  await auth.signUp({ email, password })
  const verify = await mailed(email, '/welcome')
  assert.equal(verify.link.origin + verify.link.pathname, 'https://app.example.com/welcome')
  assert.equal((await auth.confirmEmail({ token: verify.token, password })).email_verified, true)

  await auth.resetPassword(email)
  const recover = await mailed(email, '/password')
  assert.equal(recover.link.searchParams.get('from'), 'email')
  await auth.confirmReset({ token: recover.token, new_password: 'another umbrella' })
  assert.equal(await auth.reload(), null)

  await auth.signInWithEmail(email)
  const magic = await mailed(email, '/magic')
  assert.equal((await auth.confirmSignIn({ token: magic.token })).email, email)
})

test('a name and metadata at sign-up', options, async () => {
  for (const server of [open, strict]) {
    const auth = createClient(server.base)
    const email = newEmail()
    const profile = { name: 'Ada Lovelace', metadata: { theme: 'dark', plan: { seats: 3 } } }
    let { user, challenge } = await auth.signUp({ email, password, ...profile })
    if (challenge) user = await auth.confirmEmail({ ...challenge, code: (await mailed(email, '/verify')).code, password })
    assert.deepEqual({ name: user.name, metadata: user.metadata }, profile)
    assert.equal(auth.user.name, 'Ada Lovelace')
    await auth.request('PATCH', '/api/auth/me', { name: null, metadata: { theme: null } })
    assert.deepEqual((({ name, metadata }) => ({ name, metadata }))(await auth.reload()), { name: null, metadata: { plan: { seats: 3 } } })
    const wrong = auth.signUp({ email: newEmail(), password, name: 'a\nb' })
    await assert.rejects(wrong, ({ status, fields }) => status === 422 && Boolean(fields.name))
    await assert.rejects(auth.signUp({ email: newEmail(), password, nam: 'Ada' }), { code: 'unknown_field' })
  }
})

test('a new password by code and by link ends all sessions', options, async () => {
  const auth = createClient(open.base)
  const email = newEmail()
  await auth.signUp({ email, password })
  const challenge = await auth.resetPassword(email)
  const { code } = await mailed(email, '/recover/password')
  await assert.rejects(auth.confirmReset({ ...challenge, code, new_password: 'short' }),
    (error) => error instanceof AuthError && error.fields.new_password.code === 'password_too_short')
  await auth.confirmReset({ ...challenge, code, new_password: 'another umbrella' })
  assert.equal(await auth.reload(), null)
  assert.equal((await auth.signIn({ email, password: 'another umbrella' })).email, email)

  await auth.resetPassword(email)
  await auth.confirmReset({ token: (await mailed(email, '/recover/password')).token, new_password: 'a third umbrella' })
  await assert.rejects(auth.signIn({ email, password }), { code: 'invalid_credentials' })
  assert.equal((await auth.signIn({ email, password: 'a third umbrella' })).email, email)
})
