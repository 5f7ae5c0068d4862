// A Countersign server with clients and an API in its configuration file, and a person who has an account.
import { createHash } from 'node:crypto'
import { person } from './oauth-person.mjs'
import { startServer } from './server.mjs'

export const api = 'https://api.example.com/orders'
export const redirectUri = 'https://app.example.com/callback'
export const signedOutUri = 'https://app.example.com/bye'
export const secret = 'a secret of a client, with : % + and é'
export const apiSecret = 'another secret, of the orders API itself'

export const sha256 = (text) => createHash('sha256').update(text).digest('hex')

// Signs ID tokens with RS256, the default, and with ES256.
const configuration = `
[[apis]]
identifier = "${api}"
name = "Orders"
clients = "any"
client_id = "orders-api"
scopes = [{ name = "orders:read", grant = "open", words = { en = "See your orders" } }]

[[clients]]
client_id = "web"
client_name = "Web"
redirect_uris = ["${redirectUri}"]
post_logout_redirect_uris = ["${signedOutUri}"]
secret_sha256 = "${sha256(secret)}"
grant_types = ["authorization_code", "refresh_token"]

[[clients]]
client_id = "spa"
client_name = "Page"
redirect_uris = ["${redirectUri}"]
public = true
grant_types = ["authorization_code", "refresh_token"]
id_token_signed_response_alg = "ES256"

[[clients]]
client_id = "nightly"
client_name = "Nightly job"
secret_sha256 = "${sha256(secret)}"
grant_types = ["client_credentials"]
scope = "orders:read"

[[clients]]
client_id = "orders-api"
client_name = "Orders"
secret_sha256 = "${sha256(apiSecret)}"
grant_types = ["client_credentials"]
scope = "orders:read"
`

// `more`: further entries of the settings file.
export async function startOauthWorld(more = '') {
  const server = await startServer({ COUNTERSIGN_LIMITS__ENABLED: 'false' }, '127.0.0.1', configuration + more)
  const { account } = await server.register()
  return { server, issuer: server.base, account, person: () => person(server.base, account.email) }
}
