// Pointer and keys: looking around, pointing, and drawing what to select. The map does what they ask for.

const CLICK = 4  // pixels that a click may move
const STEP = 3   // pixels between corners of a lasso
const TOOLS = ["move", "box", "lasso"]

class Gestures {
  /** `map` is a PairMap: it has the canvas, and does what is asked for. */
  constructor(map, root) {
    this.map = map
    this.root = root
    this.grip = null
    const { canvas } = map
    canvas.onpointerdown = event => this.down(event)
    canvas.onpointermove = event => this.grip ? this.drag(event) : map.hover(event.offsetX, event.offsetY)
    canvas.onpointerup = () => this.up()
    canvas.onpointercancel = () => this.drop()
    canvas.onpointerleave = () => map.leave()
    canvas.onwheel = event => {
      event.preventDefault()
      const [dx, dy] = this.fromMiddle(event.offsetX, event.offsetY)
      map.look(view => zoomed(view, Math.exp(-event.deltaY * 0.0015), dx, dy))
    }
    const turn = (dx, dy) => () => this.step(view => panned(view, dx, dy))
    const nearer = factor => () => this.step(view => zoomed(view, factor))
    const keys = {
      ArrowLeft: turn(-0.1, 0), ArrowRight: turn(0.1, 0), ArrowUp: turn(0, 0.1), ArrowDown: turn(0, -0.1),
      "+": nearer(1.4), "=": nearer(1.4), "-": nearer(1 / 1.4), 0: () => map.look(whole), Enter: () => map.clickMiddle(),
      m: () => this.take("move"), b: () => this.take("box"), l: () => this.take("lasso"), v: () => map.selectView(),
      Escape: () => this.grip ? this.drop() : map.clear(),
    }
    canvas.onkeydown = event => {
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
      if (event.ctrlKey || event.metaKey || event.altKey || !(key in keys)) return
      if (!map.selects && ["b", "l", "v"].includes(key)) return
      event.preventDefault()
      keys[key]()
    }
    const buttons = { nearer: "+", farther: "-", all: 0, move: "m", box: "b", lasso: "l", seen: "v", none: "Escape" }
    for (const [name, key] of Object.entries(buttons)) root.querySelector(`.${name}`).onclick = keys[key]
    this.take("move")
  }

  /** A step by key or button: what has come to the middle is told of, as if it were pointed at. */
  step(change) {
    this.map.look(change)
    this.map.hoverMiddle()
  }

  take(tool) {
    this.drop()
    this.tool = tool
    this.map.canvas.style.cursor = tool === "move" ? "grab" : "crosshair"
    for (const name of TOOLS) this.root.querySelector(`.${name}`).setAttribute("aria-pressed", String(name === tool))
  }

  down(event) {
    if (event.button) return
    const tool = event.shiftKey && this.map.selects ? "box" : this.tool
    this.grip = { tool, from: [event.offsetX, event.offsetY], path: [[event.offsetX, event.offsetY]], moved: false }
    this.map.canvas.setPointerCapture(event.pointerId)
    this.map.leave()
  }

  drag(event) {
    const { grip, map } = this
    const at = [event.offsetX, event.offsetY]
    const last = grip.path[grip.path.length - 1]
    const [dx, dy] = [at[0] - last[0], at[1] - last[1]]
    if (!grip.moved && Math.hypot(dx, dy) < CLICK) return
    grip.moved = true
    if (grip.tool === "move") {
      grip.path = [at]
      map.look(view => panned(view, -dx / map.canvas.clientWidth, dy / map.canvas.clientHeight))
    } else if (grip.tool === "box") {
      const [x, y] = grip.from
      grip.path = [[x, y], [at[0], y], at, [x, at[1]]]
      map.outline(grip.path)
    } else if (Math.hypot(dx, dy) >= STEP) {
      grip.path.push(at)
      map.outline(grip.path)
    }
  }

  up() {
    const { grip, map } = this
    this.grip = null
    if (!grip) return
    if (!grip.moved) map.click(...grip.from)
    else if (grip.tool !== "move") map.select(grip.path, grip.tool === "box")
  }

  /** Give up what is being drawn. */
  drop() {
    if (this.grip && this.grip.tool !== "move") this.map.outline(null)
    this.grip = null
  }

  fromMiddle(left, top) {
    const { canvas } = this.map
    return [left / canvas.clientWidth - 0.5, 0.5 - top / canvas.clientHeight]
  }
}
