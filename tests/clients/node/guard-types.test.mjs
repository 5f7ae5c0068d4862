// TypeScript: the package is strictly typed, and a program that uses it is checked against its published types.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'

const here = import.meta.dirname
const tsc = (...args) =>
  promisify(execFile)(process.execPath, [`${here}/node_modules/typescript/bin/tsc`, ...args], { cwd: here }).catch(
    ({ stdout, stderr }) => assert.fail(stdout + stderr),
  )

const program = `
import { type Caller, callerOf, createGuard, Denied, type Options, requireScope as require, requireUser, type Session, type User, type VerifiedToken } from '@countersign/guard'
import { protect, requireScope } from '@countersign/guard/express'
import * as fastify from '@countersign/guard/fastify'
import { rewrites } from '@countersign/guard/next'
import { startCountersign } from '@countersign/guard/testing'
import express from 'express'
import Fastify from 'fastify'

const options: Options = { issuer: 'https://auth.example.com', audience: ['a'] as const, whenStale: 'fail_closed' }
const guard = createGuard(options)
const app = express()
app.use(protect(guard))
app.post('/products', requireScope('products:write'), (req, res) => {
  const id: string | undefined = req.user?.id
  // @ts-expect-error A user cannot be changed.
  req.user?.scopes.push('admin')
  res.json({ id })
})
app.get('/stock', protect(guard, { clients: true }), (req, res) => {
  const kind: 'user' | 'client' | undefined = req.caller?.kind
  res.json({ kind })
})
Fastify().addHook('onRequest', fastify.protect(guard))
const paths: { source: string; destination: string }[] = rewrites('http://127.0.0.1:8000').beforeFiles
// @ts-expect-error This policy does not exist.
createGuard({ issuer: 'https://auth.example.com', whenStale: 'never' })
// @ts-expect-error The issuer is required.
createGuard({})

export async function handler(request: Request): Promise<Response> {
  try {
    const token: VerifiedToken = await guard.authenticate(request)
    require(token, 'products:read')
    // @ts-expect-error The kind of subject must be checked.
    token.id
    const caller: Caller = callerOf(token)
    // @ts-expect-error A client has no session.
    caller.session
    const session: string | undefined = caller.kind === 'user' ? caller.session : undefined
    if (session === undefined) return Response.json({ job: caller.id })
    const user: User = requireUser(token)
    const greeting: string = user.name ?? user.email ?? 'you'
    const verified: boolean | undefined = user.emailVerified
    return Response.json({ owner: user.id, greeting, verified })
  } catch (error) {
    if (error instanceof Denied) return error.toResponse()
    throw error
  }
}

export async function page(request: Request): Promise<string> {
  const session: Session | null = await guard.sessionFromCookie(request, { origin: 'https://app.example.com' })
  // @ts-expect-error No one may be signed in.
  session.user
  const mail: string | undefined = session?.user.email
  return mail ?? session?.accessToken ?? 'signed out'
}

export async function fixture(): Promise<string> {
  const auth = await startCountersign()
  await auth.clock.advance('1h')
  return auth.token({ user: auth.users[0]?.email ?? '', scopes: ['products:write'], lifetime: '-1h' })
}
`

test('the package is typed, and so are its users', { timeout: 120_000 }, async () => {
  // As `npm pack` does.
  await tsc('--project', 'node_modules/@countersign/guard')
  const file = `${here}/guard-consumer.ts`
  await writeFile(file, program)
  // The types of libraries, including ours, are checked too.
  await tsc(
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--exactOptionalPropertyTypes',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    'node',
    file,
  )
  await rm(file)
})
