// Which point is near: a grid of cells over the map, made when one first points at something, in some hundredths of a second
// for a million points.

const PER_CELL = 4

class PointGrid {
  /** `places` are whole numbers x, y, x, y, ... of n points. */
  constructor(places, n) {
    const bits = clamp(Math.round(Math.log2(n / PER_CELL + 1) / 2), 3, 10)
    this.places = places
    this.side = 1 << bits
    this.shift = 16 - bits
    this.start = new Uint32Array(this.side * this.side + 1)
    this.member = new Uint32Array(n)
    const { start, member } = this
    // A sort by counting: how many lie in each cell, where each cell begins, then every point to its place.
    for (let i = 0; i < n; i++) start[this.cell(i) + 1]++
    for (let c = 0; c < start.length - 1; c++) start[c + 1] += start[c]
    const free = start.slice()
    for (let i = 0; i < n; i++) member[free[this.cell(i)]++] = i
  }

  cell(i) {
    return (this.places[2 * i + 1] >> this.shift) * this.side + (this.places[2 * i] >> this.shift)
  }

  /**
   * The point nearest to (x, y), or -1 if none is within `reach`. Distances are in pixels: `wide` and `high` are how many
   * a unit has; `extra(i)` is added to the square of a point's distance.
   */
  nearest(x, y, wide, high, reach, extra) {
    const { places, side, shift, start, member } = this
    const column = value => clamp(Math.floor(value) >> shift, 0, side - 1)
    const [left, right] = [column(x - reach / wide), column(x + reach / wide)]
    const [low, top] = [column(y - reach / high), column(y + reach / high)]
    let best = -1
    let least = reach * reach
    for (let row = low; row <= top; row++) {
      const end = start[row * side + right + 1]  // the cells of a row follow each other
      for (let at = start[row * side + left]; at < end; at++) {
        const i = member[at]
        const dx = (places[2 * i] - x) * wide
        const dy = (places[2 * i + 1] - y) * high
        const distance = dx * dx + dy * dy
        if (distance >= least) continue
        const all = distance + extra(i)
        if (all < least) { least = all; best = i }
      }
    }
    return best
  }
}
