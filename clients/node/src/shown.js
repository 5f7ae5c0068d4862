// Text from the network, for errors and logs.

const LONGEST = 100

/**
 * Returns at most 100 characters, with a question mark for spaces and everything that is not printable ASCII, so that it
 * cannot forge a line of a log.
 *
 * @param {string} text
 */
export function shown(text) {
  const start = text.slice(0, LONGEST).replace(/[^!-~]/g, '?')
  return text.length > LONGEST ? `${start}...` : start
}
