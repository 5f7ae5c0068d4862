// AppAuth-JS in Node.js: a native application with a redirect to a port of its own on the loopback interface (RFC 8252).
import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { bundle } from './oauth-pages.mjs'
import { startOauthWorld } from './oauth-world.mjs'
import { freePort } from './server.mjs'

const client = `
[[clients]]
client_id = "desktop"
client_name = "Notes for desktop"
redirect_uris = ["http://127.0.0.1/callback"]
public = true
`

let world, folder, desktop, appauth
before(async () => {
  world = await startOauthWorld(client)
  folder = await mkdtemp(join(tmpdir(), 'countersign-appauth-'))
  // Its modules name each other without an extension, which Node.js does not accept.
  const text = await bundle("export * from '@openid/appauth'; export * from '@openid/appauth/built/src/node_support'; export { NodeRequestor } from '@openid/appauth/built/src/node_support/node_requestor'", {
    platform: 'node',
    // Its log would have the tokens.
    drop: ['console'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
  })
  await writeFile(join(folder, 'appauth.mjs'), text)
  appauth = await import(join(folder, 'appauth.mjs'))
  desktop = await startDesktop()
})
after(async () => {
  desktop?.stop()
  await world?.server.stop()
  if (folder) await rm(folder, { recursive: true })
})

// The device: what an application opens with `xdg-open` goes to the person's browser.
async function startDesktop() {
  const server = createServer((request, response) => {
    response.end()
    opened(decodeURIComponent(request.url.slice(1)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const opener = join(folder, 'xdg-open')
  await writeFile(opener, `#!${process.execPath}\nfetch('http://127.0.0.1:${server.address().port}/' + encodeURIComponent(process.argv[2]))\n`)
  await chmod(opener, 0o755)
  process.env.PATH = `${folder}:${process.env.PATH}`
  let opened
  const page = new Promise((resolve) => (opened = resolve))
  return { page, stop: () => server.close() }
}

test('AppAuth-JS signs in at a port of its own, refreshes, and revokes', { timeout: 120_000 }, async () => {
  const {
    AuthorizationNotifier, AuthorizationRequest, AuthorizationServiceConfiguration, BaseTokenRequestHandler, NodeBasedHandler,
    NodeCrypto, NodeRequestor, RevokeTokenRequest, TokenRequest,
  } = appauth
  const requestor = new NodeRequestor()
  const configuration = await AuthorizationServiceConfiguration.fetchFromIssuer(world.issuer, requestor)
  const port = await freePort()
  const redirect_uri = `http://127.0.0.1:${port}/callback`
  const request = new AuthorizationRequest({
    client_id: 'desktop', redirect_uri, scope: 'openid email offline_access', response_type: AuthorizationRequest.RESPONSE_TYPE_CODE,
  }, new NodeCrypto())
  const handler = new NodeBasedHandler(port)
  const notifier = new AuthorizationNotifier()
  handler.setAuthorizationNotifier(notifier)
  const answered = new Promise((resolve) => notifier.setAuthorizationListener((request, response, error) => resolve({ request, response, error })))
  handler.performAuthorizationRequest(configuration, request)

  const { url } = await world.person().visit(await desktop.page)
  assert.equal(url.origin, `http://127.0.0.1:${port}`)
  assert.equal((await fetch(url)).status, 200)
  const { response, error } = await answered
  assert.equal(error, null)
  assert.equal(response.state, request.state)

  const tokens = new BaseTokenRequestHandler(requestor)
  const first = await tokens.performTokenRequest(configuration, new TokenRequest({
    client_id: 'desktop', redirect_uri, grant_type: 'authorization_code', code: response.code,
    extras: { code_verifier: request.internal.code_verifier },
  }))
  assert.match(first.scope, /offline_access/)
  assert.ok(first.idToken)
  const again = (refresh_token) => tokens.performTokenRequest(configuration, new TokenRequest({
    client_id: 'desktop', redirect_uri, grant_type: 'refresh_token', refresh_token,
  }))
  const second = await again(first.refreshToken)
  assert.notEqual(second.refreshToken, first.refreshToken)
  const headers = { Authorization: `Bearer ${second.accessToken}` }
  const user = await requestor.xhr({ url: configuration.userInfoEndpoint, method: 'GET', dataType: 'json', headers })
  assert.equal(user.email, world.account.email)
  await tokens.performRevokeTokenRequest(configuration, new RevokeTokenRequest({ token: second.refreshToken, client_id: 'desktop' }))
  await assert.rejects(again(second.refreshToken), { message: 'Bad Request' })
})
