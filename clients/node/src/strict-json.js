// Parses one unambiguous JSON object (docs/security/token-rules.md): UTF-8 without a byte order mark, duplicate members,
// unpaired surrogates and non-finite numbers, and with at most 16 levels.

/**
 * An object, and where in it a number is written with a fraction or an exponent: `5.0` is not an integer here, as in
 * parsers that have integers.
 *
 * @typedef {object} Read
 * @property {Record<string, any>} value
 * @property {(...path: string[]) => boolean} isInteger Whether the number at a path is written as an integer.
 */

/** Bytes that are not one unambiguous JSON object. */
export class Ambiguous extends Error {}

/**
 * @param {Uint8Array} bytes
 * @returns {Read}
 * @throws {Ambiguous}
 */
export function readObject(bytes) {
  const { text, value } = parse(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Ambiguous('it is not an object')
  const fractions = judge(text)
  return { value, isInteger: (...path) => !fractions.has(JSON.stringify(path)) }
}

/** @param {Uint8Array} bytes */
function parse(bytes) {
  try {
    const text = UTF8.decode(bytes)
    return { text, value: JSON.parse(text) }
  } catch {
    throw new Ambiguous('it is not JSON in UTF-8')
  }
}

/**
 * Checks valid JSON against the rules and returns the paths of numbers that are not integers.
 *
 * @param {string} text
 */
function judge(text) {
  /** @type {Set<string>} */
  const fractions = new Set()
  /** The containers around the current token. @type {{ names?: Set<string>, name: string, naming: boolean }[]} */
  const around = []
  for (const [token] of text.matchAll(TOKENS)) {
    const inner = around.at(-1)
    if (token === '{' || token === '[') {
      const object = token === '{'
      const depth = around.push({ ...(object && { names: new Set() }), name: '', naming: object })
      if (depth > MAX_DEPTH) throw new Ambiguous('it is nested too deeply')
    } else if (token === '}' || token === ']') {
      around.pop()
    } else if (token === ',') {
      if (inner?.names) inner.naming = true
    } else if (token.startsWith('"')) {
      /** @type {string} */
      const content = token.includes('\\') ? JSON.parse(token) : token.slice(1, -1)
      if (!content.isWellFormed()) throw new Ambiguous('it contains an unpaired surrogate')
      if (!inner?.names || !inner.naming) continue
      if (inner.names.has(content)) throw new Ambiguous('it names a member twice')
      inner.names.add(content)
      Object.assign(inner, { name: content, naming: false })
    } else {
      if (!Number.isFinite(Number(token))) throw new Ambiguous('it contains a number that is not finite')
      // Integers have no negative zero.
      if (token === '-0' || /[.eE]/.test(token)) fractions.add(JSON.stringify(around.map(({ name }) => name)))
    }
  }
  return fractions
}

// Literals and colons do not matter here.
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[{}[\],]/g
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Including the outermost object. */
const MAX_DEPTH = 16
