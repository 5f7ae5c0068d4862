// The package of the browser client: its size, its types, what an import costs, and the runtimes beside browsers.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { password, startServer } from './server.mjs'

const here = import.meta.dirname
const installed = join(here, 'node_modules/@countersign/client')
const run = promisify(execFile)

let server
before(async () => {
  server = await startServer()
  execFileSync(process.execPath, ['build.mjs'], { cwd: installed, stdio: 'inherit' })
})
after(() => server?.stop())

// The bytes of this module and what it imports, minified.
async function bundle(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: here },
    bundle: true, minify: true, write: false, format: 'esm', target: 'es2022', external: ['react'],
  })
  return outputFiles[0].contents
}

test('the client weighs less than 6 KB, and its part for React less than 1 KB', async () => {
  const client = gzipSync(await bundle("export * from '@countersign/client'"), { level: 9 }).length
  const react = gzipSync(await bundle("export * from '@countersign/client/react'"), { level: 9 }).length
  console.log(`client: ${client} bytes, React: ${react} bytes (minified, gzip)`)
  assert.ok(client < 6_000, `${client}`)
  assert.ok(react < 1_000, `${react}`)
})

test('what an application does not use is left out', async () => {
  assert.equal((await bundle("import { createClient } from '@countersign/client'")).length, 0)
  const errors = await bundle("import { AuthError } from '@countersign/client'; console.log(AuthError)")
  assert.ok(errors.length < 600, `${errors.length}`)
})

test('types', async () => {
  const file = join(here, 'client-types.ts')
  await writeFile(file, `
import { AuthError, createClient, type Challenge, type Client, type Store, type User } from '@countersign/client'
import { AuthProvider, SignedIn, useAuth, useUser } from '@countersign/client/react'

const storage: Store = sessionStorage
const auth: Client = createClient('https://auth.example.com', { origins: ['https://api.example.com'], mode: 'token', storage, scope: 'a b' })
const user: User | null | undefined = auth.user
const stop: () => void = auth.onChange((user: User | null) => user?.email)
const signedUp = await auth.signUp({ email: 'a', password: 'b', name: 'c', metadata: { plan: 1 } })
if (signedUp.user) signedUp.user.id.length
else await auth.confirmEmail({ ...signedUp.challenge, code: '123456', password: 'b' })
const challenge: Challenge = await auth.signInWithEmail('a')
await auth.confirmSignIn({ ...challenge, code: '123456' })
await auth.confirmReset({ token: 't', new_password: 'p' })
const response: Response = await auth.fetch('https://api.example.com', { method: 'POST' })
const token: string = await auth.getToken()
try {
  await auth.signOut()
} catch (error) {
  if (error instanceof AuthError) error.fields.email?.code.length, error.retryAfter?.toFixed()
}
const shown: User | null | undefined = useUser()
void [user, stop, response, token, shown, useAuth().signIn, AuthProvider, SignedIn]
// @ts-expect-error a challenge is not enough
auth.confirmSignIn(challenge)
// @ts-expect-error no such mode
createClient('https://auth.example.com', { mode: 'tokens' })
`)
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,dom', '--types', '', '--ignoreConfig']
  await run(process.execPath, [compiler, ...options, file]).catch(({ stdout }) => assert.fail(stdout))
})

test('an origin is checked when the client is created', async () => {
  const { createClient } = await import('@countersign/client')
  const wrong = [
    ['auth.example.com'], ['https://auth.example.com/api'], ['ftp://auth.example.com'], [''], [undefined], ['javascript:alert(1)'],
    ['https://auth.example.com', { origins: ['https://api.example.com/v1'] }],
    ['https://auth.example.com', { origins: ['*'] }],
    ['https://auth.example.com', { origins: ['http://api.example.com'] }],
  ]
  for (const [url, options] of wrong) assert.throws(() => createClient(url, options), TypeError, `${url} ${JSON.stringify(options)}`)
  createClient('https://auth.example.com/', { origins: ['https://api.example.com'] }).close()
})

test('modes: which pages and servers look like one site', async () => {
  const { looksSameSite } = await import(join(installed, 'src/site.js'))
  const same = [
    ['https://app.example.com', 'https://auth.example.com'], ['https://example.com', 'https://auth.example.com'],
    ['https://app.example.com:8443', 'https://app.example.com'], ['http://localhost:5173', 'http://localhost:8000'],
    ['http://127.0.0.1:5173', 'http://127.0.0.1:8000'], ['http://[::1]:1', 'http://[::1]:2'],
    ['https://a.b.example.com', 'https://auth.example.com'],
    // Wrong, and corrected by the server.
    ['https://a.co.uk', 'https://b.co.uk'],
  ]
  const different = [
    ['http://app.example.com', 'https://auth.example.com'], ['https://example.com', 'https://example.org'],
    ['http://localhost:1', 'http://127.0.0.1:2'], ['http://10.0.0.1', 'http://11.0.0.1'], ['http://a.localhost', 'http://b.localhost'],
    ['http://localhost', 'http://app.localhost'], ['https://com', 'https://example.com'],
  ]
  for (const [page, issuer] of same) assert.equal(looksSameSite(new URL(page), new URL(issuer)), true, `${page} ${issuer}`)
  for (const [page, issuer] of different) assert.equal(looksSameSite(new URL(page), new URL(issuer)), false, `${page} ${issuer}`)
})

test('without a page too, tokens are sent to named origins only, and follow no redirect', async () => {
  const { createClient } = await import('@countersign/client')
  const seen = []
  const api = createServer((request, response) => {
    seen.push(request.url)
    response.writeHead(request.url === '/moved' ? 307 : 200, { Location: '/elsewhere' }).end()
  })
  api.listen(0, '127.0.0.1')
  await once(api, 'listening')
  const origin = `http://127.0.0.1:${api.address().port}`
  const { account } = await server.register()
  const [stranger, named] = [createClient(server.base), createClient(server.base, { origins: [origin] })]
  for (const auth of [stranger, named]) await auth.signIn({ email: account.email, password })
  await assert.rejects(stranger.fetch(origin), { code: 'origin_not_allowed' })
  await assert.rejects(named.fetch(`${origin}/moved`), { code: 'redirected', status: 307 })
  assert.equal((await named.fetch(`${origin}/moved`, { redirect: 'manual' })).status, 307)
  assert.equal((await named.fetch(new Request(`${origin}/fine`, { method: 'POST', body: 'a' }))).status, 200)
  assert.deepEqual(seen, ['/moved', '/moved', '/fine'])
  api.closeAllConnections()
  api.close()
})

// A program without a page: it signs up, calls, signs out, and ends by itself.
const program = (issuer) => `
import { AuthError, createClient } from '@countersign/client'
const auth = createClient('${issuer}')
await auth.ready
const email = 'grace-' + crypto.randomUUID() + '@example.com'
const { user } = await auth.signUp({ email, password: '${password}' })
const me = await (await auth.fetch('${issuer}/api/auth/me')).json()
const posted = await auth.request('POST', '/api/auth/logout-all')
const refused = await auth.fetch('${issuer}/api/auth/me', { method: 'GET' }).catch((error) => error)
console.log(JSON.stringify([user.email === email, me.id === user.id, posted ?? null, refused instanceof AuthError, refused.code, auth.user]))
`
const expected = [true, true, null, true, 'login_required', null]
// Packages are installed without their scripts, so Bun's program is still in the package of this platform.
const [bun] = await readdir(join(here, 'node_modules/@oven')).catch(() => [])
const runtimes = {
  node: [process.execPath],
  bun: [bun && join(here, 'node_modules/@oven', bun, 'bin/bun'), 'run'],
  deno: [join(here, 'node_modules/.bin/deno'), 'run', '--allow-net', '--allow-env', '--allow-read', '--node-modules-dir=manual', '--no-lock', '--quiet'],
}

for (const [name, [command, ...options]] of Object.entries(runtimes)) {
  test(`the client in ${name}`, { timeout: 60_000, skip: !command && 'none for this platform' }, async () => {
    const file = join(here, `client-in-${name}.mjs`)
    await writeFile(file, program(server.base))
    const { stdout } = await run(command, [...options, file], { cwd: here, timeout: 50_000 })
    assert.deepEqual(JSON.parse(stdout), expected)
  })
}
