// What remains open after a guard is no longer referenced.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'
import { createGuard } from '@countersign/guard'
import { eventually, startIssuer } from './guard-issuer.mjs'

v8.setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc')

test('forty guards that were dropped keep no connection', { timeout: 60_000 }, async () => {
  const issuer = await startIssuer()
  const kept = createGuard({ issuer: issuer.issuer })
  const token = await issuer.token()
  await kept.verify(token)
  // In a separate function, so that no variable here refers to one of them.
  await (async () => {
    const guards = Array.from({ length: 40 }, () => createGuard({ issuer: issuer.issuer }))
    for (const guard of guards) await guard.verify(token)
    await eventually(async () => (await issuer.connections()) >= 41)
    assert.equal(guards.length, 40)
  })()
  await eventually(async () => {
    collect()
    await pause(10)
    return (await issuer.connections()) <= 1
  })
  // The one that is still referenced continues.
  assert.equal(issuer.held.size, 1)
  issuer.revoke(7)
  await eventually(() =>
    kept.verify(token).then(
      () => false,
      ({ code }) => code === 'invalid_token',
    ),
  )
  kept.close()
  await eventually(async () => (await issuer.connections()) === 0)
  await issuer.stop()
})
