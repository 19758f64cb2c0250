// The gallery: photos with their captions as cards of one height. Text is set as text, never as markup.

export default function ({ data, parentElement }) {
  const gallery = parentElement.querySelector(".gallery")
  gallery.style.setProperty("--least", `${data.width}px`)
  gallery.replaceChildren(...data.cards.map(card))
}

function card({ image, caption, note, colour, bar, mark, faded }) {
  const node = element("figure", faded ? "card faded" : "card")
  const frame = element("div", "frame")
  if (image) {
    const photo = element("img")
    photo.src = image
    photo.alt = caption
    frame.append(photo)
  } else {
    frame.append(element("span", "none", "no photo"))
  }
  if (mark) {
    const badge = element("span", "mark", mark.text)
    badge.style.setProperty("--dot", mark.colour)
    frame.append(badge)
  }
  const words = element("figcaption", "", caption)
  words.title = caption
  const foot = element("div", "foot", note)
  node.append(frame, words)
  if (bar !== null) node.append(meter(bar, colour))
  node.append(foot)
  return node
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
