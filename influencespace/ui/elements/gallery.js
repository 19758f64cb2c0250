// The gallery: photos with their captions as cards of one height, to be walked through with the arrow keys. Text is set as
// text, never as markup. Photos are fetched when they come near the screen.

const STEPS = { ArrowRight: 1, ArrowLeft: -1 }

export default function (component) {
  const { data, parentElement } = component
  const gallery = parentElement.querySelector(".gallery")
  const open = node => component.setTriggerValue("opened", Number(node.dataset.pair))
  gallery.onclick = event => {
    const node = event.target.closest(".card")
    if (node && data.opens) { focus(gallery, node); open(node) }
  }
  gallery.onkeydown = event => {
    const node = event.target.closest(".card")
    if (!node) return
    if ((event.key === "Enter" || event.key === " ") && data.opens) {
      event.preventDefault()
      return open(node)
    }
    const next = neighbour([...gallery.children], node, event.key)
    if (!next) return
    event.preventDefault()
    focus(gallery, next)
  }
  // A run of the page that shows the same cards leaves them, and with them the focus, where they are.
  const shown = JSON.stringify(data)
  if (gallery.shown === shown) return
  gallery.shown = shown
  gallery.style.setProperty("--least", `${data.width}px`)
  gallery.style.gridTemplateColumns = data.columns ? `repeat(${data.columns}, minmax(0, 1fr))` : ""
  gallery.classList.toggle("box", Boolean(data.height))
  gallery.style.setProperty("--height", `${data.height}px`)
  gallery.setAttribute("aria-label", data.label)
  gallery.replaceChildren(...data.cards.map(content => card(content, data.opens)))
  if (gallery.firstChild) gallery.firstChild.tabIndex = 0
  toTheTop(gallery)
}

/** Other cards begin at the top of the box that they are scrolled in; the page itself stays where it is. */
function toTheTop(gallery) {
  gallery.scrollTop = 0
  let box = gallery.getRootNode().host ?? gallery
  while (box && box.dataset.testid !== "stMain") {
    if (box.scrollTop > 0) box.scrollTop = 0
    box = box.parentElement
  }
}

/** The card that a key leads to: beside, above or below, the first or the last; none where there is no further one. */
function neighbour(cards, node, key) {
  const at = cards.indexOf(node)
  if (key in STEPS) return cards[at + STEPS[key]]
  if (key === "Home") return cards[0]
  if (key === "End") return cards[cards.length - 1]
  if (key !== "ArrowDown" && key !== "ArrowUp") return undefined
  const below = cards.findIndex(other => other.offsetTop > cards[0].offsetTop)
  const columns = below < 0 ? cards.length : below
  return cards[at + (key === "ArrowDown" ? columns : -columns)]
}

function focus(gallery, node) {
  for (const other of gallery.children) other.tabIndex = other === node ? 0 : -1
  node.focus()
  node.scrollIntoView({ block: "nearest" })
}

function card({ pair, image, caption, note, colour, bar, mark, faded }, opens) {
  const node = element("figure", faded ? "card faded" : "card")
  node.dataset.pair = pair
  node.tabIndex = -1
  if (opens) node.setAttribute("role", "button")
  node.setAttribute("aria-label", [caption, note, mark?.text].filter(Boolean).join(". "))
  const frame = element("div", "frame")
  frame.append(image ? photo(image, caption, frame) : element("span", "none", "no photo"))
  if (mark) {
    const badge = element("span", "mark", mark.text)
    badge.style.setProperty("--dot", mark.colour)
    frame.append(badge)
  }
  const words = element("figcaption", "", caption)
  words.title = caption
  node.append(frame, words)
  if (bar !== null) node.append(meter(bar, colour))
  node.append(element("div", "foot", note))
  return node
}

function photo(address, caption, frame) {
  const image = element("img")
  image.loading = "lazy"
  image.decoding = "async"
  image.alt = caption
  image.onerror = () => { image.remove(); frame.prepend(element("span", "none", "photo not there")) }
  image.src = address
  return image
}

/** A thin bar from the middle: to the right where the pair helps, to the left where it harms. */
function meter(part, colour) {
  const track = element("div", "meter")
  const fill = element("div", "fill")
  fill.style.background = colour
  fill.style.width = `${Math.min(Math.abs(part), 1) * 50}%`
  fill.style[part < 0 ? "right" : "left"] = "50%"
  track.append(fill)
  return track
}

function element(name, className = "", text = "") {
  const node = document.createElement(name)
  node.className = className
  node.textContent = text
  return node
}
