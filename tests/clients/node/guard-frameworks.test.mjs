// Express, Fastify, and the Express example.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { createGuard } from '@countersign/guard'
import * as forExpress from '@countersign/guard/express'
import * as forFastify from '@countersign/guard/fastify'
import express from 'express'
import Fastify from 'fastify'
import { eventually, startIssuer } from './guard-issuer.mjs'

let issuer, guard, reader, writer
before(async () => {
  issuer = await startIssuer()
  guard = createGuard({ issuer: issuer.issuer })
  reader = await issuer.token({ scope: 'products:read' })
  writer = await issuer.token({ scope: 'products:read products:write' })
})
after(async () => {
  guard?.close()
  await issuer?.stop()
})

const frameworks = {
  async express() {
    const { protect, requireScope } = forExpress
    const app = express()
    app.post('/unprotected', requireScope('products:write'), (req, res) => res.end())
    app.get('/stock', protect(guard, { clients: true }), requireScope('products:read'), (req, res) =>
      res.json({ kind: req.caller.kind, id: req.caller.id, user: req.user?.id }),
    )
    app.use(protect(guard), express.json())
    app.get('/products', (req, res) => res.json(req.user.id))
    app.post('/products', requireScope('products:write'), (req, res) => res.status(201).json(req.body))
    app.use((error, req, res, next) => res.status(500).json(error.message))
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { base: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() }
  },
  async fastify() {
    const { protect, requireScope } = forFastify
    const app = Fastify()
    app.setErrorHandler((error, request, reply) => reply.code(500).send(JSON.stringify(error.message)))
    app.post('/unprotected', { onRequest: requireScope('products:write') }, async () => '')
    app.get('/stock', { onRequest: [protect(guard, { clients: true }), requireScope('products:read')] }, async (request) => {
      const { caller, user } = request
      return { kind: caller.kind, id: caller.id, user: user?.id }
    })
    app.register(async (inner) => {
      inner.addHook('onRequest', protect(guard))
      inner.get('/products', async (request) => JSON.stringify(request.user.id))
      inner.post('/products', { onRequest: requireScope('products:write') }, async (request, reply) =>
        reply.code(201).send(request.body),
      )
    })
    return { base: await app.listen({ port: 0, host: '127.0.0.1' }), stop: () => app.close() }
  },
}

for (const [name, start] of Object.entries(frameworks)) {
  describe(name, () => {
    let server
    before(async () => (server = await start()))
    after(() => server?.stop())
    const ask = (method, path, token) =>
      fetch(server.base + path, {
        method,
        headers: {
          ...(token && { Authorization: `Bearer ${token}` }),
          ...(method === 'POST' && { 'Content-Type': 'application/json' }),
        },
        body: method === 'POST' ? '{"name":"Umbrella"}' : undefined,
      })

    test('knows its user', async () => {
      const answer = await ask('GET', '/products', reader)
      assert.equal(answer.status, 200)
      assert.equal(await answer.json(), (await guard.verify(reader)).subject.id)
    })

    test('answers 401 as RFC 6750 says', async () => {
      for (const token of [undefined, 'nonsense']) {
        const answer = await ask('GET', '/products', token)
        assert.equal(answer.status, 401)
        assert.match(answer.headers.get('content-type'), /^application\/problem\+json/)
        assert.equal(answer.headers.get('www-authenticate').includes('error="invalid_token"'), token !== undefined)
        const { type, title, status, detail, code } = await answer.json()
        assert.deepEqual(
          { type, title, status, code },
          { type: 'about:blank', title: 'Unauthorized', status: 401, code: token ? 'invalid_token' : 'missing_token' },
        )
        assert.ok(detail)
      }
    })

    test("refuses a client's token", async () => {
      for (const method of ['GET', 'POST']) {
        const answer = await ask(method, '/products', await issuer.clientToken())
        assert.equal(answer.status, 403)
        assert.match(answer.headers.get('www-authenticate'), /error="insufficient_scope", error_description="This route requires the token of a user/)
        assert.equal((await answer.json()).code, 'insufficient_scope')
      }
    })

    test('admits a client where a route is for clients too', async () => {
      const client = await ask('GET', '/stock', await issuer.clientToken())
      assert.deepEqual(await client.json(), { kind: 'client', id: 'billing' })
      const { id } = (await guard.verify(reader)).subject
      const user = await ask('GET', '/stock', reader)
      assert.deepEqual(await user.json(), { kind: 'user', id, user: id })
      const scopeless = await ask('GET', '/stock', await issuer.clientToken({ scope: 'products:write' }))
      assert.equal(scopeless.status, 403)
      for (const token of [undefined, 'nonsense']) assert.equal((await ask('GET', '/stock', token)).status, 401)
    })

    test('asks for scopes', async () => {
      const refused = await ask('POST', '/products', reader)
      assert.equal(refused.status, 403)
      assert.match(refused.headers.get('www-authenticate'), /error="insufficient_scope", scope="products:write"$/)
      assert.equal((await refused.json()).code, 'insufficient_scope')
      const created = await ask('POST', '/products', writer)
      assert.equal(created.status, 201)
      assert.deepEqual(await created.json(), { name: 'Umbrella' })
    })

    test('tells a route that asks for a scope and is not protected that it is wrong', async () => {
      const answer = await ask('POST', '/unprotected', writer)
      assert.equal(answer.status, 500)
      assert.match(await answer.text(), /needs protect/)
    })

    test('answers 503 while the issuer is down and nothing is known', async () => {
      const lists = issuer.instead
      lists.set('/oauth2/status-lists/5', (_, response) => response.destroy())
      const answer = await ask(
        'GET',
        '/products',
        await issuer.token({ status: { status_list: { idx: 1, uri: issuer.listUri(5) } } }),
      )
      assert.equal(answer.status, 503)
      assert.equal(answer.headers.get('retry-after'), '1')
      assert.equal((await answer.json()).code, 'unavailable')
    })
  })
}

test(
  'the Express example serves readers, lets writers write, and forgets who was revoked',
  { timeout: 60_000 },
  async () => {
    const example = spawn(process.execPath, ['main.js'], {
      cwd: new URL('express-api/', import.meta.url),
      env: { ...process.env, ISSUER: issuer.issuer, AUDIENCE: issuer.issuer, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const [base] = await once(createInterface(example.stdout), 'line')
      const ask = (method, token, name) =>
        fetch(`${base}/products`, {
          method,
          headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
          body: name && JSON.stringify({ name }),
        })
      assert.equal((await fetch(`${base}/products`)).status, 401)
      assert.equal((await ask('POST', reader, 'Boots')).status, 403)
      assert.equal((await ask('POST', writer)).status, 422)
      const added = await ask('POST', writer, 'Boots')
      assert.equal(added.status, 201)
      assert.equal((await added.json()).addedBy, (await guard.verify(writer)).subject.id)
      assert.deepEqual(
        (await (await ask('GET', reader)).json()).map(({ name }) => name),
        ['Umbrella', 'Boots'],
      )
      const leaving = await issuer.token({ status: { status_list: { idx: 99, uri: issuer.listUri(1) } } })
      assert.equal((await ask('GET', leaving)).status, 200)
      issuer.revoke(99)
      await eventually(async () => (await ask('GET', leaving)).status === 401)
    } finally {
      example.kill()
      await once(example, 'exit')
    }
  },
)
