// Applications with Express: the one of docs/guides/connect-an-application.md, which uses express-openid-connect, and
// passport-openidconnect.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import OpenIDConnectStrategy from 'passport-openidconnect'
import { recipe, withReplaced } from './oauth-pages.mjs'
import { secret, sha256, startOauthWorld } from './oauth-world.mjs'
import { freePort, password } from './server.mjs'

const here = import.meta.dirname
const client = (id, port, more = '') => `
[[clients]]
client_id = "${id}"
client_name = "Shop"
redirect_uris = ["http://app.localhost:${port}/callback"]
secret_sha256 = "${sha256(secret)}"
insecure_redirects = true
${more}`

let world, ports
before(async () => {
  ports = { app: await freePort(), posted: await freePort(), passport: await freePort() }
  const end = (port) => `post_logout_redirect_uris = ["http://app.localhost:${port}"]\nbackchannel_logout_uri = "http://127.0.0.1:${port}/backchannel-logout"\n`
  world = await startOauthWorld(
    client('app', ports.app, end(ports.app)) + client('posted', ports.posted, end(ports.posted)) + client('passport', ports.passport, 'require_pkce = false'),
  )
})
after(() => world?.server.stop())

// The recipe as a program of its own.
async function startRecipe(port, replacements = {}) {
  const file = join(here, `recipe-express-${port}.mjs`)
  await writeFile(file, withReplaced(await recipe('Express (express-openid-connect)', 'js'), {
    'https://auth.example.com': world.issuer,
    'https://app.example.com': `http://app.localhost:${port}`,
    3000: String(port),
    ...replacements,
  }))
  const env = { ...process.env, CLIENT_SECRET: secret, COOKIE_SECRET: 'a secret for the cookies, long enough' }
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (log += text))
  for (let attempt = 0; !(await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)); attempt++) {
    assert.ok(child.exitCode === null && attempt < 200, log)
    await pause(50)
  }
  return {
    visitor: () => visitor(port),
    async stop() {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      await rm(file)
    },
  }
}

// A person's cookies at an application. `app.localhost` is a name for browsers, so the request goes to 127.0.0.1.
function visitor(port) {
  const cookies = new Map()
  const base = `http://app.localhost:${port}`
  return {
    async send(url, form) {
      const { pathname, search } = new URL(url, base)
      const headers = { Cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }
      const answer = await fetch(`http://127.0.0.1:${port}${pathname}${search}`, {
        method: form ? 'POST' : 'GET', body: form, headers, redirect: 'manual',
      })
      for (const cookie of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)
        if (value === '' || /max-age=0|1970/i.test(cookie)) cookies.delete(name)
        else cookies.set(name, value)
      }
      return { status: answer.status, location: answer.headers.get('location'), text: await answer.text() }
    },
  }
}

for (const [client, title, mode] of [['app', 'the application of the guide', ''], ['posted', 'the same with form_post', 'response_mode: "form_post", ']]) {
  test(`express-openid-connect: ${title} signs in, signs out, and hears of sign-out elsewhere`, { timeout: 120_000 }, async () => {
    const app = await startRecipe(ports[client], { 'clientID: "app"': `clientID: "${client}"`, 'response_type: "code", ': `response_type: "code", ${mode}` })
    try {
      const [browser, person] = [app.visitor(), world.person()]
      const enter = async () => {
        const { location } = await browser.send('/login')
        assert.match(location, /code_challenge_method=S256/)
        const { url, form } = await person.visit(location)
        assert.equal(Boolean(form), Boolean(mode))
        const back = await browser.send(url, form)
        assert.equal(back.status, 302, back.text)
        assert.match((await browser.send('/')).text, /Sign out/)
        assert.equal(JSON.parse((await browser.send('/me')).text).email, world.account.email)
      }
      await enter()
      const { location: out } = await browser.send('/logout')
      assert.equal((await browser.send('/me')).status, 302)
      const { url, seen } = await person.visit(out)
      assert.deepEqual([url.href, seen], [`http://app.localhost:${ports[client]}/`, []])
      assert.match((await browser.send('/')).text, /Sign in/)

      await enter()
      const { tokens } = await signInElsewhere(world)
      await fetch(`${world.issuer}/api/auth/logout-all`, { method: 'POST', headers: { Authorization: `Bearer ${tokens.access_token}` } })
      const from = performance.now()
      while (/Sign out/.test((await browser.send('/')).text)) {
        assert.ok(performance.now() - from < 10_000, 'the logout token did not arrive')
        await pause(20)
      }
    } finally {
      await app.stop()
    }
  })
}

async function signInElsewhere({ issuer, account }) {
  const answer = await fetch(`${issuer}/api/auth/login`, { method: 'POST', body: new URLSearchParams({ username: account.email, password }) })
  assert.equal(answer.status, 200)
  return { tokens: await answer.json() }
}

test('passport-openidconnect signs in, without PKCE, with user information', { timeout: 120_000 }, async () => {
  const base = `http://app.localhost:${ports.passport}`
  const metadata = await (await fetch(`${world.issuer}/.well-known/openid-configuration`)).json()
  const app = express()
  const authenticator = new passport.Passport()
  const strategy = new OpenIDConnectStrategy({
    issuer: world.issuer,
    authorizationURL: metadata.authorization_endpoint,
    tokenURL: metadata.token_endpoint,
    userInfoURL: metadata.userinfo_endpoint,
    clientID: 'passport',
    clientSecret: secret,
    callbackURL: `${base}/callback`,
    scope: 'profile email',
    nonce: true,
    skipUserProfile: false,
  }, (issuer, profile, done) => done(null, { issuer, id: profile.id, email: profile.emails[0].value }))
  authenticator.use(strategy)
  authenticator.serializeUser((user, done) => done(null, user))
  authenticator.deserializeUser((user, done) => done(null, user))
  app.use(session({ secret: 'a secret for the cookies', resave: false, saveUninitialized: false }), authenticator.session())
  app.get('/login', authenticator.authenticate('openidconnect'))
  app.get('/callback', authenticator.authenticate('openidconnect', { successRedirect: '/', failureRedirect: '/failed' }))
  app.get('/', (request, response) => response.json(request.user ?? null))
  const server = app.listen(ports.passport, '127.0.0.1')
  await once(server, 'listening')
  try {
    const browser = visitor(ports.passport)
    const { location } = await browser.send('/login')
    assert.doesNotMatch(location, /code_challenge/)
    const { url } = await world.person().visit(location)
    assert.equal((await browser.send(url)).location, '/')
    assert.deepEqual(JSON.parse((await browser.send('/')).text), {
      issuer: world.issuer, id: world.account.id, email: world.account.email,
    })
  } finally {
    server.close()
  }
})
