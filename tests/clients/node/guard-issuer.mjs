// A test issuer: it publishes, signs, revokes and holds long polls like Countersign, and on demand it hangs, lies,
// stops and comes back.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { deflateSync } from 'node:zlib'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

export const TTL = 30
export const LIST_LIFETIME = 3600

export async function startIssuer({ issuer, now = Date.now } = {}) {
  const fake = new FakeIssuer(now)
  await fake.start()
  fake.issuer = issuer ?? fake.base
  return fake
}

/** A clock that only moves when it is told to. */
export function stoppedClock() {
  let millis = Date.now()
  const now = () => millis
  now.advance = (seconds) => (millis += seconds * 1000)
  return now
}

/** Asks again and again until the answer is true. The runner's time limit ends what never comes true. */
export async function eventually(holds) {
  while (!(await holds())) await pause(5)
}

class FakeIssuer {
  /** What was asked: path, and the headers that matter. */
  requests = []
  /** Per path: an answer other than the right one. */
  instead = new Map()
  /** The long-polls that are held now. */
  held = new Set()
  keys = []
  lists = new Map()
  /** What caches are told about lists, in seconds. */
  listAge = TTL
  #server
  #port = 0

  constructor(now) {
    this.now = now
  }

  async start() {
    if (this.keys.length === 0) await this.rotate()
    this.#server = createServer((request, response) => this.#answer(request, response))
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = this.#server.address().port
    this.base = `http://127.0.0.1:${this.#port}`
  }

  /** Dies: every connection is torn. `start` brings it back at the same address. */
  async stop() {
    const closed = once(this.#server, 'close')
    this.#server.close()
    // A connection that was just accepted may be missing in the list.
    this.#server.on('connection', (socket) => socket.destroy())
    this.#server.closeAllConnections()
    this.held.clear()
    await closed
  }

  /** How many connections are open. */
  connections() {
    return new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    )
  }

  /** Signs with a new key from now on, and publishes no other. */
  async rotate() {
    const pair = await generateKeyPair('ES256', { extractable: true })
    const key = { kid: randomUUID(), ...pair }
    this.keys = [{ ...(await exportJWK(pair.publicKey)), kid: key.kid, use: 'sig', alg: 'ES256' }]
    this.key = key
  }

  async token(claims = {}, header = {}, key = this.key) {
    const seconds = Math.floor(this.now() / 1000)
    const payload = {
      iss: this.issuer,
      sub: randomUUID(),
      aud: this.issuer,
      exp: seconds + 15 * 86400,
      iat: seconds,
      jti: randomUUID(),
      client_id: 'countersign',
      sid: randomUUID(),
      scope: 'products:read products:write',
      auth_time: seconds,
      amr: ['pwd'],
      status: { status_list: { idx: 7, uri: this.listUri(1) } },
      ...claims,
    }
    return new SignJWT(payload)
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: key.kid, ...header })
      .sign(key.privateKey)
  }

  /** A token of a client that acts for itself: no person, no session. */
  clientToken(claims = {}) {
    const nobody = { sid: undefined, auth_time: undefined, amr: undefined }
    return this.token({ sub: 'billing', client_id: 'billing', ...nobody, ...claims })
  }

  listUri(number) {
    return `${this.issuer}/oauth2/status-lists/${number}`
  }

  list(number = 1) {
    if (!this.lists.has(number)) this.lists.set(number, { version: 1, epoch: 1, bytes: Buffer.alloc(16), claims: {} })
    return this.lists.get(number)
  }

  /** Sets a bit, and tells all who wait. */
  revoke(idx, number = 1) {
    const list = this.list(number)
    list.bytes[idx >> 3] |= 1 << (idx & 7)
    list.version++
    this.wake()
  }

  wake() {
    for (const answer of this.held) answer()
    this.held.clear()
  }

  /** How often a path was asked for; `held` tells long-polls from plain requests. */
  count(path, { held } = {}) {
    return this.requests.filter((one) => one.path === path && (held === undefined || held === Boolean(one.prefer)))
      .length
  }

  async #answer(request, response) {
    const { url: path } = request
    this.requests.push({
      path,
      prefer: request.headers.prefer,
      etag: request.headers['if-none-match'],
      at: performance.now(),
    })
    const instead = this.instead.get(path)
    if (instead) return instead(request, response)
    const number = /^\/oauth2\/status-lists\/(\d+)$/.exec(path)?.[1]
    if (path === '/.well-known/oauth-authorization-server') {
      return json(response, { issuer: this.issuer, jwks_uri: `${this.issuer}/.well-known/jwks.json` })
    }
    if (path === '/.well-known/jwks.json')
      return json(response, { keys: this.keys }, { 'Cache-Control': 'public, max-age=300' })
    if (number) return this.#list(Number(number), request, response)
    response.writeHead(404).end()
  }

  async #list(number, request, response) {
    const { version, epoch } = this.list(number)
    if (request.headers['if-none-match'] === `"${version}-${epoch}"`) {
      if (!request.headers.prefer) return response.writeHead(304).end()
      const answer = () => this.#list(number, { headers: {} }, response)
      this.held.add(answer)
      response.on('close', () => this.held.delete(answer))
      return
    }
    const jwt = await this.signedList(number)
    response
      .writeHead(200, {
        'Content-Type': 'application/statuslist+jwt',
        'Cache-Control': `public, max-age=${this.listAge}`,
        ETag: `"${version}-${epoch}"`,
      })
      .end(jwt)
  }

  async signedList(number = 1) {
    const { version, bytes, claims } = this.list(number)
    const seconds = Math.floor(this.now() / 1000)
    const payload = {
      iss: this.issuer,
      sub: this.listUri(number),
      iat: seconds,
      exp: seconds + LIST_LIFETIME,
      ttl: TTL,
      version,
      status_list: { bits: 1, lst: deflateSync(bytes).toString('base64url') },
      ...claims,
    }
    const header = { alg: 'ES256', typ: 'statuslist+jwt', kid: this.key.kid }
    return new SignJWT(payload).setProtectedHeader(header).sign(this.key.privateKey)
  }
}

function json(response, body, headers = {}) {
  response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
}
