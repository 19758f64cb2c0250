// The columns that Python serves by address. An address names its content, so that the browser keeps what it has got.

// Seconds after which a column that the server no longer knew is asked for again.
const AGAIN = [0.3, 1, 3]

/**
 * The bytes behind an address, or null if they are still not there after some tries. `onMissing` is called when the server
 * does not know the address, because it was started anew: a run of the page tells it.
 */
async function fetched(address, onMissing) {
  for (const seconds of [...AGAIN, null]) {
    const answer = await fetch(address)
    if (answer.ok) return answer.arrayBuffer()
    if (answer.status !== 404 || seconds === null) return null
    onMissing()
    await new Promise(resolve => setTimeout(resolve, 1000 * seconds))
  }
}

/** Columns by name, of which only what has another address than before is fetched. */
class Columns {
  constructor(onMissing) {
    this.onMissing = onMissing
    this.addresses = {}
    this.bytes = {}
  }

  /**
   * Fetch what is new and forget what is no longer named; gives the names of the columns that have changed. A later call
   * overtakes an earlier one that still waits, which then gives null.
   */
  async update(addresses) {
    this.addresses = addresses
    const names = Object.keys({ ...this.bytes, ...addresses })
    const changed = names.filter(name => this.bytes[name]?.address !== addresses[name])
    const got = await Promise.all(
      changed.map(name => addresses[name] ? fetched(addresses[name], this.onMissing) : undefined)
    )
    if (this.addresses !== addresses) return null
    changed.forEach((name, i) => {
      if (got[i]) this.bytes[name] = { address: addresses[name], content: got[i] }
      else delete this.bytes[name]
    })
    this.failed = changed.some((name, i) => got[i] === null)
    return changed
  }

  content(name) {
    return this.bytes[name]?.content
  }
}
