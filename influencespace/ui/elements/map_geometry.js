// Where things are: the view on the map, and polygons made simple. Pure functions; the first file of the module.
// The map is the square from 0 to 1, y upward; a view has its middle and its zoom. On the screen, left and top are pixels.

const LARGEST = 65535
const FIT = 0.92
const NEAREST_ZOOM = 400

function whole() {
  return { x: 0.5, y: 0.5, zoom: FIT }
}

function toScreen(view, width, height, x, y) {
  return [((x - view.x) * view.zoom + 0.5) * width, (0.5 - (y - view.y) * view.zoom) * height]
}

function toMap(view, width, height, left, top) {
  return [(left / width - 0.5) / view.zoom + view.x, (0.5 - top / height) / view.zoom + view.y]
}

/** The view moved by parts of the screen's width and height. */
function panned(view, dx, dy) {
  return { x: clamp(view.x + dx / view.zoom, 0, 1), y: clamp(view.y + dy / view.zoom, 0, 1), zoom: view.zoom }
}

/** The view nearer by a factor, around a place given in parts of the screen from its middle, x to the right and y upward. */
function zoomed(view, factor, dx = 0, dy = 0) {
  const zoom = clamp(view.zoom * factor, FIT, NEAREST_ZOOM)
  if (zoom === FIT) return whole()
  const by = 1 / view.zoom - 1 / zoom
  return { x: clamp(view.x + dx * by, 0, 1), y: clamp(view.y + dy * by, 0, 1), zoom }
}

/** What is in view, as corners in the whole numbers that points lie on. */
function viewed(view) {
  const half = 0.5 / view.zoom
  return rectangle(view.x - half, view.y - half, view.x + half, view.y + half)
}

function rectangle(x1, y1, x2, y2) {
  return fixed([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
}

/** Corners from parts of the map to whole numbers, none twice in a row; null if fewer than three remain. */
function fixed(corners) {
  const whole = corners.map(corner => corner.map(c => clamp(Math.round(c * LARGEST), 0, LARGEST)))
  const last = whole.length - 1
  const apart = whole.filter(([x, y], i) => {
    const before = whole[i ? i - 1 : last]
    return x !== before[0] || y !== before[1]
  })
  return apart.length < 3 ? null : apart
}

/**
 * A closed polygon with fewer corners: at most `most`, and none within `tolerance` of the line it would bend (Douglas and
 * Peucker 1973, the corner that is farthest off first, so that a limit on their number leaves those that matter most).
 */
function simplified(corners, most, tolerance) {
  if (corners.length <= 3) return corners
  const [first] = corners
  const opposite = farthest(corners.map(([x, y]) => Math.hypot(x - first[0], y - first[1])))
  const kept = [0, opposite, corners.length]  // the last stands for the first once more
  const splits = [split(corners, 0, opposite), split(corners, opposite, corners.length)]
  while (kept.length - 1 < most) {
    const worst = farthest(splits.map(one => one.distance))
    if (splits[worst].distance <= tolerance) break
    const { at } = splits[worst]
    kept.splice(worst + 1, 0, at)
    splits.splice(worst, 1, split(corners, kept[worst], at), split(corners, at, kept[worst + 2]))
  }
  return kept.slice(0, -1).map(i => corners[i])
}

/** The corner between two that lies farthest from the line that joins them, and how far. */
function split(corners, from, to) {
  const a = corners[from]
  const b = corners[to % corners.length]
  let found = { at: -1, distance: -1 }
  for (let i = from + 1; i < to; i++) {
    const distance = fromLine(corners[i], a, b)
    if (distance > found.distance) found = { at: i, distance }
  }
  return found
}

/** How far a point is from the line between two others. */
function fromLine([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay]
  const along = clamp(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1), 0, 1)
  return Math.hypot(x - ax - along * dx, y - ay - along * dy)
}

function farthest(distances) {
  let at = 0
  distances.forEach((distance, i) => { if (distance > distances[at]) at = i })
  return at
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high)
}
