// node-oidc-provider with its adapter in memory, and what Countersign does too: ES256 access tokens as JWTs, ID tokens with
// ES256 or RS256, PKCE, and clients that need no consent. Anyone who is asked to sign in is signed in as one account.
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import Provider from 'oidc-provider'

const port = Number(process.env.PORT)
const api = 'https://api.example.com'
const key = (type, alg, options) => {
  const jwk = generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' })
  return { ...jwk, alg, use: 'sig', kid: alg }
}
const client = (alg) => ({
  client_id: `app-${alg.toLowerCase()}`,
  client_secret: process.env.CLIENT_SECRET,
  redirect_uris: ['https://app.example.com/callback'],
  grant_types: ['authorization_code'],
  response_types: ['code'],
  id_token_signed_response_alg: alg,
})
const account = randomUUID()

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client('ES256'), client('RS256')],
  jwks: { keys: [key('rsa', 'RS256', { modulusLength: 2048 }), key('ec', 'ES256', { namedCurve: 'P-256' })] },
  cookies: { keys: [randomUUID()] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: 'user0@example.com', email_verified: false }),
  }),
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => api,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'orders:read',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  // Its documentation's way to skip the consent of first-party applications.
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc
    const known = session.grantIdFor(client.clientId)
    // The adapter in memory forgets old entries.
    const found = known && (await ctx.oidc.provider.Grant.find(known))
    if (found) return found
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId })
    grant.addOIDCScope('openid email')
    grant.addResourceScope(api, 'orders:read')
    await grant.save()
    return grant
  },
})
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next()
  await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: account } })
  ctx.respond = false
})
provider.listen(port, '127.0.0.1')
