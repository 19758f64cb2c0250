// Retrievals that changed between two arms: a photo, its captions, and the place of the right answer before and after on a
// line from the first place to the last. Text is set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg"
const WIDTH = 200
const EDGE = 8
const MIDDLE = 16

export default function ({ data, parentElement }) {
  const list = parentElement.querySelector(".retrievals")
  list.replaceChildren(...data.cards.map((card) => draw(card, data)))
}

function draw({ image, words, query, before, after, colour }, { last, names, ticks }) {
  const node = element("figure", "card")
  const frame = element("div", query === "photo" ? "frame query" : "frame")
  if (image) {
    const photo = element("img")
    photo.loading = "lazy"
    photo.src = image
    photo.alt = words[0] ?? ""
    photo.onerror = () => frame.replaceChildren(element("span", "none", "no photo"))
    frame.append(photo)
  } else {
    frame.append(element("span", "none", "no photo"))
  }
  const caption = element("figcaption", query === "caption" ? "query" : "")
  caption.append(...words.map((line) => element("p", "", line)))
  caption.title = words.join("\n")
  const places = element("div", "places")
  places.append(element("span", "", place(before)), element("span", "arrow", "→"), element("strong", "", place(after)))
  places.querySelector("strong").style.color = `color-mix(in srgb, ${colour} 70%, var(--st-text-color))`
  node.append(frame, caption, places, line(before, after, colour, last, names, ticks))
  return node
}

/** The two places on a line whose steps are ratios: 1 to 10 is as far as 10 to 100. */
function line(before, after, colour, last, names, ticks) {
  const at = (value) => EDGE + ((WIDTH - 2 * EDGE) * Math.log(value)) / Math.log(Math.max(last, 2))
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} 36`, role: "img" })
  const title = shape("title", {})
  title.textContent = `Place ${place(before)} with ${names[0]}, ${place(after)} with ${names[1]}`
  svg.append(title, shape("line", { class: "axis", x1: EDGE, x2: WIDTH - EDGE, y1: MIDDLE, y2: MIDDLE }))
  for (const tick of ticks.filter((value) => value <= last)) {
    const label = shape("text", { x: at(tick), y: 33 })
    label.textContent = tick
    svg.append(shape("line", { class: "axis", x1: at(tick), x2: at(tick), y1: MIDDLE - 3, y2: MIDDLE + 3 }), label)
  }
  svg.append(
    shape("line", { x1: at(before), x2: at(after), y1: MIDDLE, y2: MIDDLE, stroke: colour, "stroke-width": 3 }),
    shape("circle", { class: "was", cx: at(before), cy: MIDDLE, r: 4.5, stroke: colour }),
    shape("circle", { cx: at(after), cy: MIDDLE, r: 5.5, fill: colour }),
  )
  return svg
}

/** A median over an even number of seeds may lie between two places. */
function place(value) {
  return Number.isInteger(value) ? value.toLocaleString("en") : value.toFixed(1)
}

function shape(name, attributes) {
  const node = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  return node
}

function element(name, className = "", text = "") {
  const node = document.createElement(name)
  node.className = className
  node.textContent = text
  return node
}
