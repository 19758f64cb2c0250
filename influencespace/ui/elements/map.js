// The map: every pair a point, drawn with WebGL. Python packs the points (see map.py); nothing is sent while one looks
// around, and one small number comes back when a point is clicked.

const FIT = 0.92
const instances = new WeakMap()

export default function (component) {
  const { data, parentElement } = component
  let map = instances.get(parentElement)
  if (!map) {
    map = new PairMap(parentElement.querySelector(".map"))
    instances.set(parentElement, map)
  }
  map.onClick = index => component.setTriggerValue("clicked", index)
  map.show(unpack(data))
  return () => {
    map.destroy()
    instances.delete(parentElement)
  }
}

class PairMap {
  constructor(root) {
    this.root = root
    this.canvas = root.querySelector("canvas")
    this.over = root.querySelector(".over")
    this.tip = root.querySelector(".tip")
    this.ring = root.querySelector(".ring")
    this.legend = root.querySelector(".legend")
    this.view = { x: 0.5, y: 0.5, zoom: FIT }
    this.listen()
    this.start()
  }

  /** Set up WebGL; again after the browser took the context away. */
  start() {
    const gl = this.canvas.getContext("webgl", { antialias: false, alpha: true, premultipliedAlpha: true })
    this.root.classList.toggle("without-webgl", !gl)
    this.gl = gl
    if (!gl) return
    const program = link(gl)
    this.uniform = name => gl.getUniformLocation(program, name)
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer())
    const place = (name, type, normalised, offset) => {
      const location = gl.getAttribLocation(program, name)
      gl.enableVertexAttribArray(location)
      gl.vertexAttribPointer(location, 2, type, normalised, 8, offset)
    }
    place("position", gl.UNSIGNED_SHORT, true, 0)
    place("look", gl.UNSIGNED_BYTE, false, 4)
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture())
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST)
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE)
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  }

  show(points) {
    this.points = points
    this.theme = brightness(this.css("--st-background-color")) < 128 ? "dark" : "light"
    this.root.style.height = `${points.height}px`
    this.canvas.setAttribute("aria-label", points.alt)
    this.upload()
    this.writeLegend()
    this.writePlaces()
    this.draw()
  }

  /** Faint points first and large ones last, so that what matters lies on top. */
  upload() {
    const { gl, points } = this
    if (!gl || !points) return
    const { n, x, y, shade, kind } = points
    const buffer = new ArrayBuffer(8 * n)
    const shorts = new Uint16Array(buffer)
    const bytes = new Uint8Array(buffer)
    let at = 0
    for (let layer = 0; layer < 3; layer++) {
      for (let i = 0; i < n; i++) {
        if (kind[i] !== layer) continue
        shorts[4 * at] = x[i]
        shorts[4 * at + 1] = y[i]
        bytes[8 * at + 4] = shade[i]
        bytes[8 * at + 5] = layer
        at++
      }
    }
    gl.bufferData(gl.ARRAY_BUFFER, buffer, gl.STATIC_DRAW)
    const colours = points.palette[this.theme]
    const texels = new Uint8Array(256 * 4)
    colours.forEach((colour, i) => texels.set([...rgb(colour), 255], 4 * i))
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels)
  }

  draw() {
    cancelAnimationFrame(this.frame)
    this.frame = requestAnimationFrame(() => this.paint())
  }

  paint() {
    const { gl, canvas, points, view } = this
    const { width, height } = canvas.getBoundingClientRect()
    if (!gl || !points || !width) return
    const ratio = window.devicePixelRatio || 1
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
    gl.viewport(0, 0, canvas.width, canvas.height)
    gl.clear(gl.COLOR_BUFFER_BIT)
    const apart = Math.sqrt((width * height) / Math.max(points.n, 1))
    const size = Math.min(Math.max(apart * 0.55, 2.5), 11) * Math.sqrt(view.zoom / FIT)
    const dark = this.theme === "dark"
    gl.uniform2f(this.uniform("centre"), view.x, view.y)
    gl.uniform2f(this.uniform("zoom"), view.zoom, view.zoom)
    gl.uniform1f(this.uniform("size"), Math.min(size, 22) * ratio)
    gl.uniform3fv(this.uniform("edge"), dark ? [0.06, 0.08, 0.1] : [0.3, 0.34, 0.4])
    gl.uniform3fv(this.uniform("faint"), dark ? [0.42, 0.46, 0.52] : [0.72, 0.75, 0.79])
    gl.drawArrays(gl.POINTS, 0, points.n)
    this.settle(width, height)
  }

  /** Put the names and the ring where their points are; a name that would cover a larger one's stays away. */
  settle(width, height) {
    const taken = []
    for (const place of this.places) {
      const [left, middle] = this.toScreen(place.x, place.y, width, height)
      const top = middle - 17  // above the points it names, not over them
      const half = place.node.offsetWidth / 2 + 3
      const box = [left - half, top - 10, left + half, top + 10]
      const free = taken.every(b => box[2] < b[0] || box[0] > b[2] || box[3] < b[1] || box[1] > b[3])
      const inside = box[0] > 0 && box[2] < width && box[1] > 0 && box[3] < height
      place.node.style.visibility = free && inside ? "visible" : "hidden"
      place.node.style.transform = `translate(${left}px, ${top}px) translate(-50%, -50%)`
      if (free && inside) taken.push(box)
    }
    const chosen = this.points.selected
    this.ring.hidden = chosen < 0
    if (chosen >= 0) {
      const [left, top] = this.toScreen(this.points.x[chosen] / 65535, this.points.y[chosen] / 65535, width, height)
      this.ring.style.transform = `translate(${left}px, ${top}px) translate(-50%, -50%)`
    }
  }

  writePlaces() {
    this.over.replaceChildren()
    this.places = this.points.places.map(place => {
      const node = document.createElement("span")
      node.textContent = place.text
      this.over.appendChild(node)
      return { ...place, node }
    })
  }

  writeLegend() {
    const { legend, scale, palette } = this.points
    const colours = palette[this.theme]
    const entry = (text, className = "") => {
      const node = document.createElement("span")
      node.textContent = text
      node.className = className
      return node
    }
    this.legend.replaceChildren()
    for (const { label, shade, count } of legend) {
      const dot = entry("", "dot")
      dot.style.background = colours[shade]
      const item = entry("", "item")
      item.append(dot, entry(label), entry(count, "count"))
      this.legend.appendChild(item)
    }
    if (scale) {
      const bar = entry("", "bar")
      bar.style.background = `linear-gradient(to right, ${colours.filter((_, i) => i % 15 === 0).join(",")})`
      this.legend.append(entry(scale.low), bar, entry(scale.high))
    }
  }

  listen() {
    const { canvas } = this
    let grip = null
    canvas.onpointerdown = event => {
      grip = { x: event.offsetX, y: event.offsetY, moved: false }
      canvas.setPointerCapture(event.pointerId)
    }
    canvas.onpointermove = event => {
      if (!grip) return this.hover(event)
      const [dx, dy] = [event.offsetX - grip.x, event.offsetY - grip.y]
      if (!grip.moved && Math.hypot(dx, dy) < 4) return
      this.tip.hidden = true
      this.move(-dx / canvas.clientWidth, dy / canvas.clientHeight)
      grip = { x: event.offsetX, y: event.offsetY, moved: true }
    }
    canvas.onpointerup = event => {
      const index = grip && !grip.moved ? this.nearest(event.offsetX, event.offsetY) : -1
      grip = null
      if (index >= 0) this.onClick(index)
    }
    canvas.onpointerleave = () => { this.tip.hidden = true }
    canvas.addEventListener("wheel", event => {
      event.preventDefault()
      this.zoomBy(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY)
    }, { passive: false })
    const keys = {
      ArrowLeft: () => this.move(-0.1, 0), ArrowRight: () => this.move(0.1, 0),
      ArrowUp: () => this.move(0, 0.1), ArrowDown: () => this.move(0, -0.1),
      "+": () => this.zoomBy(1.4), "-": () => this.zoomBy(1 / 1.4), 0: () => this.reset(),
    }
    canvas.onkeydown = event => {
      if (!(event.key in keys)) return
      event.preventDefault()
      keys[event.key]()
    }
    for (const [name, key] of [["nearer", "+"], ["farther", "-"], ["all", 0]]) {
      this.root.querySelector(`.${name}`).onclick = keys[key]
    }
    canvas.addEventListener("webglcontextlost", event => event.preventDefault())
    canvas.addEventListener("webglcontextrestored", () => { this.start(); this.upload(); this.draw() })
    this.observer = new ResizeObserver(() => this.draw())
    this.observer.observe(canvas)
  }

  hover(event) {
    const index = this.nearest(event.offsetX, event.offsetY)
    this.canvas.style.cursor = index < 0 ? "grab" : "pointer"
    this.tip.hidden = index < 0
    if (index < 0) return
    const { tags, tag } = this.points
    this.tip.textContent = tags[tag[index]]
    const left = event.offsetX > this.canvas.clientWidth / 2
    this.tip.style.transform =
      `translate(${event.offsetX + (left ? -12 : 12)}px, ${event.offsetY + 12}px) translate(${left ? -100 : 0}%, 0)`
  }

  /** The point nearest to a place on the screen, if it is within reach; faint ones yield to the others. */
  nearest(left, top) {
    const { canvas, points, view } = this
    if (!points) return -1
    const wide = (view.zoom * canvas.clientWidth) / 65535
    const high = (view.zoom * canvas.clientHeight) / 65535
    const x = ((left / canvas.clientWidth - 0.5) / view.zoom + view.x) * 65535
    const y = ((0.5 - top / canvas.clientHeight) / view.zoom + view.y) * 65535
    let best = -1
    let least = 100
    for (let i = 0; i < points.n; i++) {
      const dx = (points.x[i] - x) * wide
      const dy = (points.y[i] - y) * high
      const distance = dx * dx + dy * dy + (points.kind[i] ? 0 : 40)
      if (distance < least) { least = distance; best = i }
    }
    return best
  }

  toScreen(x, y, width, height) {
    const { view } = this
    return [((x - view.x) * view.zoom + 0.5) * width, (0.5 - (y - view.y) * view.zoom) * height]
  }

  move(dx, dy) {
    this.view.x = clamp(this.view.x + dx / this.view.zoom, 0, 1)
    this.view.y = clamp(this.view.y + dy / this.view.zoom, 0, 1)
    this.draw()
  }

  zoomBy(factor, left = this.canvas.clientWidth / 2, top = this.canvas.clientHeight / 2) {
    const { view, canvas } = this
    const [dx, dy] = [left / canvas.clientWidth - 0.5, 0.5 - top / canvas.clientHeight]
    const zoom = clamp(view.zoom * factor, FIT, 60)
    view.x = clamp(view.x + dx / view.zoom - dx / zoom, 0, 1)
    view.y = clamp(view.y + dy / view.zoom - dy / zoom, 0, 1)
    view.zoom = zoom
    if (zoom === FIT) return this.reset()
    this.draw()
  }

  reset() {
    this.view = { x: 0.5, y: 0.5, zoom: FIT }
    this.draw()
  }

  css(name) {
    return getComputedStyle(this.root).getPropertyValue(name).trim()
  }

  destroy() {
    cancelAnimationFrame(this.frame)
    this.observer.disconnect()
    this.gl?.getExtension("WEBGL_lose_context")?.loseContext()
  }
}
