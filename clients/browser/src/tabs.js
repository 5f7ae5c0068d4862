// What tabs of one origin share: a lock, and news of who is signed in.

const PATIENCE = 20_000

const pause = (/** @type {number} */ milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds))

/**
 * Runs one piece of work at a time, across all tabs. Where Web Locks are missing (pages without https), a lease in the
 * storage does nearly the same; the server tolerates the rest, because it repeats a refresh for 30 seconds.
 *
 * @template T
 * @param {string} name
 * @param {import('./session.js').Store} storage
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function alone(name, storage, work) {
  const locks = globalThis.navigator?.locks
  if (locks) {
    let started = false
    const asked = performance.now()
    /** @type {Promise<T>} */
    const locked = locks.request(name, { signal: AbortSignal.timeout(PATIENCE) }, async () => {
      started = true
      // What another tab stored under the lock may arrive a little later than the lock.
      if (performance.now() - asked > 20) await pause(50)
      return work()
    })
    return locked.catch((error) => {
      // A tab that holds the lock for so long has been suspended.
      if (started) throw error
      return work()
    })
  }
  // Only pages have tabs.
  if (!globalThis.document) return work()
  const mine = Math.random().toString()
  for (const patience = Date.now() + PATIENCE; Date.now() < patience; ) {
    const [owner, until] = `${await storage.getItem(name)}`.split(' ')
    if (owner === mine) break
    if (!until || Date.now() > +until) await storage.setItem(name, `${mine} ${Date.now() + PATIENCE}`)
    // Long enough for other tabs that saw no lease to have written theirs.
    await pause(50)
  }
  try {
    return await work()
  } finally {
    await storage.removeItem(name)
  }
}

/**
 * Listens to other tabs. The channel is closed while the page is in the back/forward cache, which it might keep the page
 * out of.
 *
 * @param {string} name of the channel and of the item in the storage
 * @param {{ told: (news: any) => void, stored: () => void, woken: (restored: boolean) => void }} on
 *   `told`: another tab sent news; `stored`: another tab changed the storage; `woken`: the page is visible or online again
 */
export function openTabs(name, { told, stored, woken }) {
  /** @type {BroadcastChannel | undefined} */
  let channel
  // Elsewhere, a channel would keep the process alive.
  if (!globalThis.location || !globalThis.addEventListener) return { tell() {}, close() {} }

  const open = () => {
    try {
      channel = new BroadcastChannel(name)
      channel.onmessage = ({ data }) => told(data)
    } catch {
      // Missing or blocked: the storage tells other tabs too.
    }
  }
  const shut = () => channel?.close()
  /** @type {[EventTarget | undefined, string, (event: any) => void][]} */
  const listeners = [
    [globalThis, 'storage', ({ key }) => (key === name || key === null) && stored()],
    [globalThis, 'online', () => woken(false)],
    [globalThis, 'pagehide', shut],
    [globalThis, 'pageshow', ({ persisted }) => persisted && (open(), woken(true))],
    [globalThis.document, 'visibilitychange', () => document.hidden || woken(false)],
  ]
  for (const [target, type, listener] of listeners) target?.addEventListener(type, listener)
  open()
  return {
    /** @param {unknown} news */
    tell: (news) => channel?.postMessage(news),
    close() {
      for (const [target, type, listener] of listeners) target?.removeEventListener(type, listener)
      shut()
    },
  }
}
