// What stands around and over the points: names, the ring, what was drawn to select, the tip, the legend.

const REST = 80  // milliseconds on one point before its words are fetched
const KEPT_WORDS = 200
const MOST_NAMES = 60
const ROOM = 12  // pixels around a name that stay free, for the points to be seen

class Words {
  constructor(root) {
    this.root = root
    for (const name of ["over", "ring", "tip", "legend", "status"]) this[name] = root.querySelector(`.${name}`)
    this.outline = root.querySelector(".outline path")
    this.measure = document.createElement("canvas").getContext("2d")
    this.nodes = []
    this.kept = new Map()
  }

  /** A sentence over the map while there is nothing to see; none if it is empty. */
  say(sentence) {
    this.status.textContent = sentence
    this.status.hidden = !sentence
  }

  setPlaces(places) {
    this.settled = null
    this.measure.font = `600 12px ${getComputedStyle(this.root).fontFamily}`
    this.places = places.map(place => ({
      text: place.text, x: place.x / LARGEST, y: place.y / LARGEST,
      half: Math.min(this.measure.measureText(place.text).width, 190) / 2 + 9,
    }))
  }

  /** Put the names where their points are; one that would cover a name before it stays away. */
  settle(view, width, height) {
    const now = [view.x, view.y, view.zoom, width, height].join()
    if (now === this.settled) return
    this.settled = now
    const taken = [[width - 300, 0, width, 40]]  // the tools
    const near = (a, b) => a[2] > b[0] - ROOM && a[0] < b[2] + ROOM && a[3] > b[1] - ROOM && a[1] < b[3] + ROOM
    let count = 0
    for (const place of this.places ?? []) {
      const [left, middle] = toScreen(view, width, height, place.x, place.y)
      const top = middle - 17  // above the points it names, not over them
      const box = [left - place.half, top - ROOM, left + place.half, top + ROOM]
      if (box[0] < 0 || box[2] > width || box[1] < 0 || box[3] > height) continue
      if (taken.some(b => near(box, b))) continue
      const node = this.nodes[count] ??= this.over.appendChild(document.createElement("span"))
      if (node.textContent !== place.text) node.textContent = place.text
      node.hidden = false
      node.style.transform = `translate(${left}px, ${top}px) translate(-50%, -50%)`
      taken.push(box)
      if (++count === MOST_NAMES) break
    }
    for (const node of this.nodes.slice(count)) node.hidden = true
  }

  /** A ring around a place on the screen; null for none. */
  encircle(place) {
    this.ring.hidden = !place
    if (place) this.ring.style.transform = `translate(${place[0]}px, ${place[1]}px) translate(-50%, -50%)`
  }

  /** The polygon that was drawn, in pixels; null for none. */
  enclose(corners) {
    this.outline.setAttribute("d", corners ? `M${corners.map(corner => corner.join(",")).join("L")}Z` : "")
  }

  /** Show what is known of the point that is pointed at: its cluster at once, its words once the pointer has rested. */
  tell(index, cluster, address, left, top) {
    const { tip } = this
    if (index !== this.told) {
      this.forget()
      this.told = index
      this.fill(cluster, this.kept.get(index))
      this.timer = setTimeout(() => this.fetch(index, cluster, address), REST)
    }
    tip.hidden = false
    this.beside = [left, top]
    this.place()
  }

  /** Put the tip beside the pointer, within the map. */
  place() {
    const { tip, over, beside: [left, top] } = this
    const [width, height] = [over.clientWidth, over.clientHeight]
    const x = left > width / 2 ? left - 14 - tip.offsetWidth : left + 14
    const y = clamp(top + 14, 4, Math.max(height - tip.offsetHeight - 4, 4))
    tip.style.transform = `translate(${clamp(x, 4, Math.max(width - tip.offsetWidth - 4, 4))}px, ${y}px)`
  }

  async fetch(index, cluster, address) {
    if (this.kept.has(index)) return
    const answer = await fetch(address + index).catch(() => null)
    if (!answer?.ok) return  // the cluster's name stands there already
    const words = await answer.json()
    if (this.kept.size === KEPT_WORDS) this.kept.delete(this.kept.keys().next().value)
    this.kept.set(index, words)
    if (this.told !== index) return
    this.fill(cluster, words)
    this.place()
  }

  /** Text is set as text, never as markup: captions come from anywhere. */
  fill(cluster, words) {
    const [image, caption, lines, name] = ["img", ".caption", ".lines", ".cluster"].map(one => this.tip.querySelector(one))
    name.textContent = cluster
    image.hidden = !words?.image
    if (words?.image) image.src = words.image
    else image.removeAttribute("src")
    caption.textContent = words?.caption ?? ""
    lines.textContent = (words?.lines ?? []).join(" · ")
  }

  forget() {
    clearTimeout(this.timer)
    this.told = -1
    this.tip.hidden = true
  }

  /** Words of other pairs than before are no use any more. */
  clear() {
    this.forget()
    this.kept.clear()
  }

  setLegend({ legend, scale, palette }, theme) {
    const colours = palette[theme]
    const entry = (text, className = "") => {
      const node = document.createElement("span")
      node.textContent = text
      node.className = className
      return node
    }
    this.legend.replaceChildren(...legend.map(([label, place, count]) => {
      const dot = entry("", "dot")
      dot.style.background = colours[place]
      const item = entry("", "item")
      item.append(dot, entry(label), entry(count, "count"))
      return item
    }))
    if (!scale) return
    const bar = entry("", "bar")
    bar.style.background = `linear-gradient(to right, ${colours.filter((_, i) => i % 15 === 0).join(",")})`
    this.legend.append(entry(scale[0]), bar, entry(scale[1]))
  }
}
