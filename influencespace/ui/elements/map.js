// The map: every pair a point. Python says what to draw (see map.py), columns are fetched by address, a click comes back as
// an index and a selection as a polygon. While one looks around, or a slider of the plan is dragged, nothing is sent.

const PLAN = "influencespace:plan"
const REACH = 10       // pixels around the pointer
const YIELDS = 40      // pale points give way to others, as if they lay farther (in pixels squared)
const TOLERANCE = 1.5  // pixels that a lasso may be made simpler by
// Many points are drawn in several frames, each of every so many points one, so that none holds the page up (milliseconds).
// While something moves, only the first of them is; the others follow when it rests.
const AT_ONCE = 250_000
const SLOW = 90
const QUICK = 30
const STILL = 200
const MOST = 16
const instances = new WeakMap()

export default function (component) {
  const { data, parentElement } = component
  let map = instances.get(parentElement)
  if (!map) {
    map = new PairMap(parentElement.querySelector(".map"))
    instances.set(parentElement, map)
  }
  map.tell = (name, value) => component.setTriggerValue(name, value)
  map.show(data)
  return () => {
    map.destroy()
    instances.delete(parentElement)
  }
}

class PairMap {
  constructor(root) {
    this.root = root
    this.canvas = root.querySelector("canvas")
    this.view = whole()
    this.words = new Words(root)
    this.columns = new Columns(() => this.tell("missing", true))
    this.painter = new Painter(this.canvas)
    this.frames = 0
    this.fewer = 1
    if (!this.painter.gl) return
    this.painter.start()
    this.gestures = new Gestures(this, root)
    this.observer = new ResizeObserver(() => this.draw())
    this.observer.observe(this.canvas)
    this.onPlan = event => this.setPlan(event.detail)
    window.addEventListener(PLAN, this.onPlan)
    this.canvas.addEventListener("webglcontextlost", event => event.preventDefault())
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.painter.start()
      this.upload(["points", "atlas", "turn", "shade", "mask", "clusterColours", "benefits"])
    })
  }

  async show(data) {
    if (!this.painter.gl) return this.tell("nogl", true)
    const { look, plan } = data
    this.data = data
    this.selects = data.selects
    this.theme = brightness(getComputedStyle(this.root).getPropertyValue("--st-background-color").trim()) < 128 ? "dark" : "light"
    this.root.style.setProperty("--height", `${data.height}px`)
    this.root.style.setProperty("--grows", data.grows)
    this.root.classList.toggle("selects", data.selects)
    this.canvas.setAttribute("aria-label", data.alt)
    // Another plan than Python last sent, not than the one shown: what is being dragged is ahead of it.
    const sent = JSON.stringify(plan)
    if (sent !== this.sent) {
      this.sent = sent
      if (plan) this.plan = { removed: plan.removed_code, threshold: plan.benefit_threshold, cap: plan.cap }
    }
    const addresses = { points: data.points, atlas: data.atlas, turn: plan?.order, benefits: plan?.benefit, mask: data.mask }
    if (look.by !== "plan") addresses[look.by === "cluster" ? "clusterColours" : "shade"] = look.column
    if (!this.columns.content("points")) this.words.say(`Loading the map of ${data.n.toLocaleString("en")} pairs …`)
    const changed = await this.columns.update(addresses)
    if (!changed || this.gone) return
    this.words.say(this.columns.failed ? "The map could not be loaded. Load the page again." : "")
    this.colouring = look
    this.area = data.area
    this.upload(changed)
  }

  /** Hand the columns that have changed to the painter, and draw. */
  upload(changed) {
    const { painter, columns, data } = this
    if (!this.colouring || painter.gl.isContextLost()) return
    for (const name of changed) {
      const content = columns.content(name)
      if (name === "atlas") {
        this.atlas = content ? JSON.parse(new TextDecoder().decode(content)) : { clusters: [], places: [] }
        this.words.setPlaces(this.atlas.places)
      } else if (name === "points") {
        painter.setPoints(content ?? new ArrayBuffer(0), content ? data.n : 0)
        this.fewer = clamp(2 ** Math.ceil(Math.log2(painter.n / AT_ONCE)), 1, MOST)
        this.places = new Uint16Array(content ?? 0, 0, content ? 2 * data.n : 0)
        this.clusters = new Uint16Array(content ?? 0, 4 * this.places.length / 2)
        this.grid = null
        this.words.clear()
      } else if (name === "benefits" || name === "clusterColours") {
        painter.setClusters(name, content)
      } else {
        painter.setColumn(name, content)
      }
    }
    painter.setPalette(this.colouring.palette[this.theme])
    this.words.setLegend(this.colouring, this.theme)
    // A page that ran for other reasons, or that says what was dragged, leaves the points as they are.
    const drawn = JSON.stringify([this.colouring, this.plan, this.theme, data.selected, data.height])
    if (changed.length || drawn !== this.drawn) this.draw()
    else this.outlineArea()
    this.drawn = drawn
  }

  setPlan({ removed_code: removed, benefit_threshold: threshold, cap }) {
    this.plan = { removed, threshold, cap }
    this.draw(true)
  }

  /** Draw anew from the browser's next frame on; while something moves, perhaps not all points. */
  draw(moving = false) {
    this.moving = moving
    this.part = 0
    this.frame ??= requestAnimationFrame(now => this.step(now))
  }

  /** Draw one part of the points, and see to it that the next one follows. */
  step(now) {
    this.frame = null
    clearTimeout(this.still)
    if (this.part === 0) this.parts = this.fewer
    if (!this.paint(this.parts, this.part++)) return
    const next = () => { this.frame ??= requestAnimationFrame(later => this.step(later)) }
    if (this.part < this.parts) {
      if (this.moving && this.part === 1) this.still = setTimeout(next, STILL)
      else next()
    }
    // That a frame was drawn can be seen from outside: one of something that moves, or else the last of all points.
    if (this.part === this.parts || (this.moving && this.part === 1)) this.canvas.dataset.frames = ++this.frames
    // The browser is a frame ahead of what it shows: how long a frame takes is known from the one after the next.
    requestAnimationFrame(() => requestAnimationFrame(later => this.pace((later - now) / 2)))
  }

  /** Draw the points in more parts from now on, or in fewer. */
  pace(took) {
    if (took > SLOW) this.fewer = Math.min(2 * this.fewer, MOST)
    else if (took < QUICK) this.fewer = Math.max(this.fewer / 2, 1)
  }

  /** Whether there was anything to draw with. */
  paint(parts, part) {
    const { canvas, colouring, view } = this
    const [width, height] = [canvas.clientWidth, canvas.clientHeight]
    if (!colouring || !width || this.painter.gl.isContextLost()) return false
    this.painter.paint(view, {
      by: colouring.by, faintShade: colouring.faint, removedCode: this.plan?.removed ?? 0, threshold: this.plan?.threshold ?? 0,
      cap: this.plan?.cap ?? 1, pale: rgb(this.data.pale[this.theme]), rim: rgb(this.data.rim[this.theme]),
    }, parts, part)
    if (part) return true
    this.words.settle(view, width, height)
    const { selected } = this.data
    const ring = selected >= 0 && 2 * selected < this.places.length
    this.words.encircle(ring ? this.onScreen(this.places[2 * selected], this.places[2 * selected + 1]) : null)
    if (!this.drawing) this.outlineArea()
    return true
  }

  outlineArea() {
    this.words.enclose(this.area ? this.area.map(([x, y]) => this.onScreen(x, y)) : null)
  }

  onScreen(x, y) {
    return toScreen(this.view, this.canvas.clientWidth, this.canvas.clientHeight, x / LARGEST, y / LARGEST)
  }

  look(change) {
    this.view = change(this.view)
    this.leave()
    this.draw(true)
  }

  hover(left, top) {
    const index = this.nearest(left, top)
    if (this.gestures.tool === "move") this.canvas.style.cursor = index < 0 ? "grab" : "pointer"
    if (index < 0) return this.leave()
    this.words.tell(index, this.atlas.clusters[this.clusters[index]], this.data.words, left, top)
  }

  hoverMiddle() {
    this.hover(this.canvas.clientWidth / 2, this.canvas.clientHeight / 2)
  }

  leave() {
    this.words.forget()
  }

  click(left, top) {
    const index = this.data?.clicks ? this.nearest(left, top) : -1
    if (index >= 0) this.tell("clicked", index)
  }

  clickMiddle() {
    this.click(this.canvas.clientWidth / 2, this.canvas.clientHeight / 2)
  }

  /** The point at a place on the screen; -1 for none. */
  nearest(left, top) {
    const { canvas, view, places } = this
    if (!places?.length) return -1
    this.grid ??= new PointGrid(places, places.length / 2)
    const [width, height] = [canvas.clientWidth, canvas.clientHeight]
    const [x, y] = toMap(view, width, height, left, top)
    const [wide, high] = [(view.zoom * width) / LARGEST, (view.zoom * height) / LARGEST]
    const pale = this.paleness()
    return this.grid.nearest(x * LARGEST, y * LARGEST, wide, high, REACH, i => pale(i) ? YIELDS : 0)
  }

  /** Which points are pale: the shader's rule, for the few around the pointer. */
  paleness() {
    const { colouring, plan, columns } = this
    const read = (name, type) => columns.content(name) && new type(columns.content(name))
    const [mask, shade, turn] = [read("mask", Uint8Array), read("shade", Uint8Array), read("turn", Uint16Array)]
    return i => mask?.[i] === 0 || (colouring.by === "shade" && shade?.[i] === colouring.faint) ||
      (colouring.by === "plan" && turn?.[i] < plan.removed)
  }

  /** Show what is being drawn, in pixels; null when it was given up. */
  outline(path) {
    this.drawing = path
    if (path) this.words.enclose(path)
    else this.outlineArea()
  }

  /** A path on the screen was closed: what is kept, shown and sent is one and the same polygon. */
  select(path, isBox) {
    const corners = isBox ? path : simplified(path, this.data.corners, TOLERANCE)
    const { clientWidth, clientHeight } = this.canvas
    this.choose(fixed(corners.map(([left, top]) => toMap(this.view, clientWidth, clientHeight, left, top))))
  }

  selectView() {
    this.choose(viewed(this.view))
  }

  choose(polygon) {
    this.drawing = null
    if (polygon) this.area = polygon
    this.outlineArea()  // the points stay as they are until it is known which are selected
    if (polygon) this.tell("selected", { polygon })
  }

  clear() {
    this.drawing = this.area = null
    this.outlineArea()
    if (this.selects) this.tell("cleared", true)
  }

  destroy() {
    this.gone = true
    cancelAnimationFrame(this.frame)
    clearTimeout(this.still)
    window.removeEventListener(PLAN, this.onPlan)
    this.observer?.disconnect()
    this.words.forget()
    this.painter.destroy()
  }
}

function brightness(colour) {
  const [r, g, b] = rgb(/^#[0-9a-f]{6}/i.test(colour) ? colour : "#ffffff")
  return 0.3 * r + 0.59 * g + 0.11 * b
}
