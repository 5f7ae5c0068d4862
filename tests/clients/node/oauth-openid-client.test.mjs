// openid-client 6 and 5, and oauth4webapi, with their defaults: what applications on Node.js and in browsers use.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as oauth from 'oauth4webapi'
import * as six from 'openid-client'
import { custom, generators, Issuer } from 'openid-client-5'
import { api, apiSecret, redirectUri, secret, signedOutUri, startOauthWorld } from './oauth-world.mjs'

let world
before(async () => {
  world = await startOauthWorld()
  custom.setHttpOptionsDefaults({ timeout: 20_000 })
})
after(() => world?.server.stop())

const scope = 'openid email offline_access'

test('openid-client 6 signs in, refreshes, asks for user information, revokes, and signs out', async () => {
  const insecure = { execute: [six.allowInsecureRequests] }
  const config = await six.discovery(new URL(world.issuer), 'web', secret, undefined, insecure)
  const [verifier, state, nonce] = [six.randomPKCECodeVerifier(), six.randomState(), six.randomNonce()]
  const address = six.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri, scope, state, nonce,
    code_challenge: await six.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  const person = world.person()
  const { url } = await person.visit(address)
  const expected = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  const tokens = await six.authorizationCodeGrant(config, url, expected)
  const { sub, email } = await six.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  assert.deepEqual([sub, email], [world.account.id, world.account.email])

  const next = await six.refreshTokenGrant(config, tokens.refresh_token)
  assert.notEqual(next.refresh_token, tokens.refresh_token)
  assert.equal(next.claims().sub, world.account.id)
  const seen = await six.tokenIntrospection(config, next.access_token)
  assert.deepEqual([seen.active, seen.client_id, seen.sub], [true, 'web', world.account.id])

  await six.tokenRevocation(config, next.refresh_token)
  assert.equal((await six.tokenIntrospection(config, next.access_token)).active, false)
  await assert.rejects(six.refreshTokenGrant(config, next.refresh_token), { error: 'invalid_grant' })

  const again = await six.authorizationCodeGrant(config, (await person.visit(address)).url, expected)
  const out = six.buildEndSessionUrl(config, { id_token_hint: again.id_token, post_logout_redirect_uri: signedOutUri, state: 'bye' })
  const left = await person.visit(out)
  assert.deepEqual([left.url.href, left.seen], [`${signedOutUri}?state=bye`, []])
  assert.deepEqual((await person.visit(address)).seen, ['/signin'])
})

test('openid-client 6 gets a token for an API and no user', async () => {
  const insecure = { execute: [six.allowInsecureRequests] }
  const config = await six.discovery(new URL(world.issuer), 'nightly', undefined, six.ClientSecretBasic(secret), insecure)
  const tokens = await six.clientCredentialsGrant(config, { resource: api, scope: 'orders:read' })
  assert.equal(tokens.scope, 'orders:read')
  assert.equal(tokens.refresh_token, undefined)
  const resource = await six.discovery(new URL(world.issuer), 'orders-api', apiSecret, undefined, insecure)
  const seen = await six.tokenIntrospection(resource, tokens.access_token)
  assert.deepEqual([seen.active, seen.sub, seen.aud], [true, 'nightly', api])
})

test('openid-client 5 signs in with its default, RS256, and signs out', async () => {
  const issuer = await Issuer.discover(world.issuer)
  const client = new issuer.Client({ client_id: 'web', client_secret: secret, redirect_uris: [redirectUri], response_types: ['code'] })
  const [verifier, state, nonce] = [generators.codeVerifier(), generators.state(), generators.nonce()]
  const address = client.authorizationUrl({
    scope, state, nonce, code_challenge: generators.codeChallenge(verifier), code_challenge_method: 'S256',
  })
  const person = world.person()
  const { url } = await person.visit(address)
  const checks = { code_verifier: verifier, state, nonce, response_type: 'code' }
  const tokens = await client.callback(redirectUri, client.callbackParams(url.href), checks)
  assert.equal(tokens.claims().sub, world.account.id)
  assert.equal((await client.userinfo(tokens)).email, world.account.email)
  const next = await client.refresh(tokens)
  assert.equal((await client.introspect(next.access_token)).active, true)
  await client.revoke(next.refresh_token, 'refresh_token')
  assert.equal((await client.introspect(next.access_token)).active, false)
  const again = await client.callback(redirectUri, client.callbackParams((await person.visit(address)).url.href), checks)
  const left = await person.visit(client.endSessionUrl({ id_token_hint: again, post_logout_redirect_uri: signedOutUri }))
  assert.deepEqual([left.url.href, left.seen], [signedOutUri, []])
})

test('openid-client 5 gets a token for an API and no user', async () => {
  const issuer = await Issuer.discover(world.issuer)
  const client = new issuer.Client({ client_id: 'nightly', client_secret: secret })
  const tokens = await client.grant({ grant_type: 'client_credentials', resource: api })
  assert.equal(tokens.scope, 'orders:read')
})

test('oauth4webapi signs in as a public client with ES256, for an API', async () => {
  const insecure = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(world.issuer)
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const client = { client_id: 'spa', id_token_signed_response_alg: 'ES256' }
  const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()]
  const address = new URL(server.authorization_endpoint)
  const parameters = {
    client_id: 'spa', redirect_uri: redirectUri, response_type: 'code', scope: `${scope} orders:read`, resource: api, state, nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value)
  const { url } = await world.person().visit(address)

  const answer = oauth.validateAuthResponse(server, client, url, state)
  const request = await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), answer, redirectUri, verifier, insecure)
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, request, { expectedNonce: nonce, requireIdToken: true })
  await oauth.validateApplicationLevelSignature(server, request, insecure)
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  assert.equal(sub, world.account.id)
  assert.match(tokens.scope, /orders:read/)

  const userinfo = { additionalParameters: { resource: `${world.issuer}/oauth2/userinfo` }, ...insecure }
  const second = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), tokens.refresh_token, userinfo)
  const next = await oauth.processRefreshTokenResponse(server, client, second)
  const told = await oauth.userInfoRequest(server, client, next.access_token, insecure)
  assert.equal((await oauth.processUserInfoResponse(server, client, sub, told)).email, world.account.email)

  const revoked = await oauth.revocationRequest(server, client, oauth.None(), next.refresh_token, insecure)
  await oauth.processRevocationResponse(revoked)
  const third = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), next.refresh_token, insecure)
  await assert.rejects(oauth.processRefreshTokenResponse(server, client, third), { error: 'invalid_grant' })
})

test('oauth4webapi gets a token for an API and introspects it', async () => {
  const insecure = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(world.issuer)
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const [client, resource] = [{ client_id: 'nightly' }, { client_id: 'orders-api' }]
  const request = await oauth.clientCredentialsGrantRequest(server, client, oauth.ClientSecretBasic(secret), { resource: api }, insecure)
  const { access_token: token } = await oauth.processClientCredentialsResponse(server, client, request)
  const asked = await oauth.introspectionRequest(server, resource, oauth.ClientSecretPost(apiSecret), token, insecure)
  const seen = await oauth.processIntrospectionResponse(server, resource, asked)
  assert.deepEqual([seen.active, seen.scope], [true, 'orders:read'])
})
