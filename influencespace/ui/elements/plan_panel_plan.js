// What a plan does at any reduction ratio and up-weight cap, from figures that came once: the same arithmetic as
// curation/order.py, so that the counts are those of the plan, to the pair. Pure; the first file of the module.

const FREE_CODES = 65532

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high)
}

/** How many of `count` pairs a reduction ratio takes away, to the nearest pair (a half goes up). */
function pairsToRemove(count, ratio) {
  // 57 % of 50 is half a pair more than 28, but a float of that product falls short of it.
  return Math.floor(Math.round(ratio * count * 1e6) / 1e6 + 0.5)
}

/** Pruned, kept and up-weighted pairs of a plan, and what the map draws it from. */
function planAt(order, ratio, cap) {
  const removed = clamp(pairsToRemove(order.pairs, ratio) - order.pruned, 0, order.free)
  const step = clamp(Math.round(100 * ratio), 0, order.threshold.length - 1)
  return {
    pruned: order.pruned + removed,
    kept: order.pairs - order.pruned - removed,
    upWeighted: cap > 1 ? order.up_weighted[step] : order.heavier,
    message: {
      removed_code: 1 + (order.free ? Math.floor(removed * FREE_CODES / order.free) : 0),
      benefit_threshold: order.threshold[step],
      cap,
    },
  }
}

/** Gains by ratio, cap and target out of one row of numbers. */
function unfold(values, ratios, caps, targets) {
  const at = (r, c) => [...values.subarray((r * caps + c) * targets, (r * caps + c + 1) * targets)]
  return Array.from({ length: ratios }, (_, r) => Array.from({ length: caps }, (_, c) => at(r, c)))
}

/** Where a value lies on an ascending axis: the index below it, and how far it is on the way to the next. */
function place(axis, value) {
  const inside = clamp(value, axis[0], axis[axis.length - 1])
  let below = 0
  while (below < axis.length - 2 && axis[below + 1] <= inside) below++
  return below + 1 < axis.length
    ? { below, part: (inside - axis[below]) / (axis[below + 1] - axis[below]) }
    : { below, part: 0 }
}

/** The predicted fall of every target's loss, in nats, between the plans that were reckoned: bilinear in ratio and cap. */
function gainsAt({ ratios, caps, gains }, ratio, cap) {
  const [r, c] = [place(ratios, ratio), place(caps, cap)]
  const at = (i, j) => gains[Math.min(i, ratios.length - 1)][Math.min(j, caps.length - 1)]
  const mix = (a, b, part) => a.map((value, q) => value + part * (b[q] - value))
  const along = i => mix(at(i, c.below), at(i, c.below + 1), c.part)
  return mix(along(r.below), along(r.below + 1), r.part)
}

/** By how much the gap of an attribute falls: the difference between the highest and the lowest loss of its groups. */
function narrowing(losses, gains, groups) {
  const spread = values => Math.max(...values) - Math.min(...values)
  return spread(groups.map(q => losses[q])) - spread(groups.map(q => losses[q] - gains[q]))
}

/** What is predicted of all that the panel lists: the targets, then the gaps; nats, and percent of a present loss. */
function effectsAt(effects, losses, grid, ratio, cap) {
  const gains = gainsAt(grid, ratio, cap)
  return effects.map(effect => {
    const fall = effect.groups ? narrowing(losses, gains, effect.groups) : gains[effect.target]
    return { ...effect, fall, percent: 100 * fall / effect.of }
  })
}
