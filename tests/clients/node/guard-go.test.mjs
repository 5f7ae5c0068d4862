// The Go example, built with Debian's Go and its package of golang-jwt, without downloads.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { eventually, startIssuer } from './guard-issuer.mjs'

const LIBRARY = '/usr/share/gocode/src/github.com/golang-jwt/jwt'
const here = new URL('go-api/', import.meta.url)
let issuer, example, base

before(
  async () => {
    issuer = await startIssuer()
    // The example's own go.mod, with the library from the disk.
    await writeFile(
      new URL('build.mod', here),
      `${await readFile(new URL('go.mod', here), 'utf8')}\nreplace github.com/golang-jwt/jwt/v4 => ${LIBRARY}\n`,
    )
    const env = { ...process.env, GOFLAGS: '-mod=mod', GOPROXY: 'off', GOCACHE: `${import.meta.dirname}/go-cache` }
    await promisify(execFile)('go', ['build', '-modfile=build.mod', '-o', 'go-api', '.'], { cwd: here, env }).catch(
      (error) => {
        assert.fail(`Please install golang-go and golang-github-golang-jwt-jwt-dev: ${error.message}`)
      },
    )
    example = spawn('./go-api', {
      cwd: here,
      env: { ...process.env, ISSUER: issuer.issuer, AUDIENCE: 'api', PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    ;[base] = await once(createInterface(example.stdout), 'line')
  },
  { timeout: 300_000 },
)
after(async () => {
  if (example) {
    example.kill()
    await once(example, 'exit')
  }
  await issuer?.stop()
})

const token = (claims, header) => issuer.token({ aud: 'api', ...claims }, header)
const ask = (method, text, name) =>
  fetch(`${base}/products`, {
    method,
    headers: { ...(text && { Authorization: `Bearer ${text}` }), 'Content-Type': 'application/json' },
    body: name && JSON.stringify({ name }),
  })
const bit = (idx, uri = issuer.listUri(1)) => ({ status: { status_list: { idx, uri } } })

test('the Go example serves readers and lets writers write', async () => {
  const none = await ask('GET')
  assert.equal(none.status, 401)
  assert.equal(none.headers.get('www-authenticate'), `Bearer realm="${issuer.issuer}"`)
  const reader = await token({ scope: 'products:read' })
  assert.equal((await ask('GET', reader)).status, 200)
  const refused = await ask('POST', reader, 'Boots')
  assert.equal(refused.status, 403)
  assert.match(refused.headers.get('www-authenticate'), /error="insufficient_scope", scope="products:write"$/)
  const writer = await token({ sub: '0198b6a0-0000-7000-8000-000000000001' })
  assert.equal((await ask('POST', writer)).status, 422)
  const added = await ask('POST', writer, 'Boots')
  assert.equal(added.status, 201)
  assert.equal((await added.json()).addedBy, '0198b6a0-0000-7000-8000-000000000001')
  assert.deepEqual(
    (await (await ask('GET', reader)).json()).map(({ name }) => name),
    ['Umbrella', 'Boots'],
  )
})

test('the Go example refuses what is not for it', async () => {
  const seconds = Math.floor(Date.now() / 1000)
  for (const text of [
    'nonsense',
    await token({ aud: 'other' }),
    await token({ aud: undefined }),
    await token({ iss: 'https://evil.example' }),
    await issuer.clientToken({ aud: 'api' }),
    await token({ exp: seconds - 5 }),
    await token({ exp: undefined }),
    await token({}, { typ: 'JWT' }),
    await token({}, { kid: 'unknown' }),
    await token({}, { kid: 1 }),
    await token({ status: undefined }),
    await token(bit(-1)),
    await token(bit(4096)),
    await token(bit(1, 'https://evil.example/1')),
    await token(bit(1, `${issuer.issuer}.evil.example/1`)),
  ]) {
    const answer = await ask('GET', text)
    assert.equal(answer.status, 401, text)
    assert.match(answer.headers.get('www-authenticate'), /error="invalid_token"/)
  }
})

test(
  'the Go example asks for the list again when its time is over, and goes on while the issuer is down',
  { timeout: 60_000 },
  async () => {
    issuer.listAge = 0
    const status = async (text) => (await ask('GET', text)).status
    const leaving = await token(bit(99, issuer.listUri(2)))
    const staying = await token(bit(98, issuer.listUri(2)))
    assert.equal(await status(leaving), 200)
    issuer.revoke(99, 2)
    await eventually(async () => (await status(leaving)) === 401)
    assert.equal(await status(staying), 200)
    // An older list is ignored.
    Object.assign(issuer.list(2), { version: 1, bytes: Buffer.alloc(16) })
    assert.equal(await status(leaving), 401)
    await issuer.stop()
    assert.equal(await status(leaving), 401)
    assert.equal(await status(staying), 200)
    assert.equal(await status(await token(bit(1, issuer.listUri(3)))), 503)
  },
)
