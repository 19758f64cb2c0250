// The trade-off curve and the measured arms as SVG: numbers in, a drawing out. Uses plan_panel_plan.js and _words.js.

const SVG = "http://www.w3.org/2000/svg"
const MOST = 0.95

function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}

/** Round numbers from low to high, `most` at most, zero among them if it lies between. */
function ticks(low, high, most) {
  const rough = (high - low) / most
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * [1, 2, 5, 10].find(part => part * power >= rough)
  const out = []
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) out.push(i * step)
  return out
}

/** A scale from values to pixels. */
function scale([low, high], [from, to]) {
  return value => from + (value - low) / (high - low) * (to - from)
}

/** The least and the greatest of some values and zero, with a little air; never an empty span. */
function span(values) {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)]
  const air = 0.08 * (high - low) || 1
  return [low - (low < 0 ? air : 0), high + (high > 0 || low === high ? air : 0)]
}

/** Grid lines with their values. */
function frame(box, y, marks, digits, unit) {
  const layer = svg("g", { class: "axes" })
  for (const mark of marks) {
    layer.append(
      svg("line", { x1: box.left, x2: box.right, y1: y(mark), y2: y(mark), class: Math.abs(mark) < 1e-9 ? "zero" : "rule" }),
      svg("text", { x: box.left - 5, y: y(mark) + 3.5, class: "end" }, `${signed(mark, digits)}${unit}`),
    )
  }
  return layer
}

/**
 * Predicted falls along the reduction ratio at one cap.
 *
 * lines: {label, className, points: [[ratio, percent]]}; checks: {label, className, ratio, percent, cap}.
 */
function tradeoff({ lines, checks, ratio, width, height }) {
  const box = { left: 46, right: width - 8, top: 8, bottom: height - 18 }
  const every = [...lines.flatMap(line => line.points.map(point => point[1])), ...checks.map(check => check.percent)]
  const reach = span(every)
  const [x, y] = [scale([0, MOST], [box.left, box.right]), scale(reach, [box.bottom, box.top])]
  const marks = ticks(...reach, Math.max(4, Math.floor(height / 45)))
  const fine = marks.length > 1 && marks[1] - marks[0] < 1 ? 1 : 0
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" })
  drawing.append(frame(box, y, marks, fine, " %"))
  for (const part of [0, 0.2, 0.4, 0.6, 0.8]) {
    drawing.append(svg("text", { x: x(part), y: box.bottom + 13, class: "middle" }, `${Math.round(100 * part)} %`))
  }
  drawing.append(svg("line", { x1: x(ratio), x2: x(ratio), y1: box.top, y2: box.bottom, class: "present" }))
  for (const { className, points } of lines) {
    const path = points.map(([at, percent], i) => `${i ? "L" : "M"}${x(at).toFixed(1)},${y(percent).toFixed(1)}`).join("")
    drawing.append(svg("path", { d: path, class: `line ${className}` }))
  }
  for (const { className, label, ratio: at, percent, cap } of checks) {
    const title = svg("title", {}, `${label}, retrained at ${Math.round(100 * at)} % with cap ${cap} ×: ${signed(-percent, 1)} %`)
    const [cx, cy] = [x(at), y(percent)]
    drawing.append(svg("path", { d: `M${cx},${cy - 5}l5,5l-5,5l-5,-5z`, class: `check ${className}` }, title))
  }
  for (const { className, points } of lines) {
    const now = points.find(([at]) => at === ratio)
    if (now) drawing.append(svg("circle", { cx: x(now[0]), cy: y(now[1]), r: 4.5, class: `dot ${className}` }))
  }
  return drawing
}

/** Measured differences in recall of trained arms against all pairs, with intervals, along the same reduction ratio, below whose axis it stands. */
function arms({ points, ratio, width, height }) {
  const box = { left: 46, right: width - 8, top: 6, bottom: height - 6 }
  const reach = span(points.flatMap(point => [point.low, point.high]))
  const [x, y] = [scale([0, MOST], [box.left, box.right]), scale(reach, [box.bottom, box.top])]
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" })
  drawing.append(frame(box, y, ticks(...reach, 2), reach[1] - reach[0] < 4 ? 1 : 0, ""))
  drawing.append(svg("line", { x1: x(ratio), x2: x(ratio), y1: box.top, y2: box.bottom, class: "present" }))
  for (const { ratio: at, mean, low, high, title } of points) {
    drawing.append(svg(
      "g", { class: "arm" },
      svg("line", { x1: x(at), x2: x(at), y1: y(low), y2: y(high) }),
      svg("circle", { cx: x(at), cy: y(mean), r: 4.5 }), svg("title", {}, title),
    ))
  }
  return drawing
}
