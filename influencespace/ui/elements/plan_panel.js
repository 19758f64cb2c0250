// The panel of the plan: sliders, what follows from them, and the trade-off curve. While a slider is dragged everything here
// and on the map follows in the browser; one small message goes to Python when it is let go.

const PLAN = "influencespace:plan"
// Between presses of a key, so that five of them are one message.
const KEYS_REST = 350
const instances = new WeakMap()

export default function (component) {
  const { data, parentElement } = component
  let panel = instances.get(parentElement)
  if (!panel) {
    panel = new PlanPanel(parentElement.querySelector(".panel"), data)
    instances.set(parentElement, panel)
  }
  panel.send = (name, value) => component.setTriggerValue(name, value)
  panel.show(data)
  return () => {
    panel.destroy()
    instances.delete(parentElement)
  }
}

class PlanPanel {
  constructor(root, data) {
    this.root = root
    this.turn = data.turn
    this.values = { ...data.values }
    this.chosen = 0
    this.rows = data.fields.map(field => this.row(field))
    root.querySelector(".sliders").replaceChildren(...this.rows.map(row => row.node))
    this.observer = new ResizeObserver(() => this.draw())
    this.observer.observe(root)
  }

  /** New figures from Python; what the hand has moved since they were asked for stays as it is. */
  show(data) {
    this.data = data
    for (const [name, colour] of Object.entries(data.colours)) this.root.style.setProperty(`--${name}`, colour)
    this.root.style.setProperty("--height", `${data.height}px`)
    this.root.style.setProperty("--grows", data.grows)
    if (data.turn >= this.turn && !this.held) this.values = { ...data.values }
    this.chosen = Math.min(this.chosen, Math.max(data.prediction.effects.length - 1, 0))
    this.root.querySelector(".waiting").hidden = this.follows()
    this.root.querySelector(".notes").replaceChildren(...data.notes.map(note => element("p", "", note)))
    this.fetchGrid()
    this.writeEffects()
    this.follow()
  }

  /** The predicted gains, which the browser keeps; a server that was started anew has to be told of them first. */
  async fetchGrid() {
    const wanted = this.data.prediction.grid
    if (wanted?.url === this.grid?.url) return
    this.grid = null
    if (!wanted) return
    const answer = await fetch(wanted.url)
    if (wanted.url !== this.data.prediction.grid?.url) return
    if (!answer.ok) {
      // Asked for once: what fails again is no matter of having been forgotten.
      if (this.missed !== wanted.url) this.send("missing", true)
      this.missed = wanted.url
      return
    }
    const values = new Float32Array(await answer.arrayBuffer())
    this.grid = { ...wanted, gains: unfold(values, wanted.ratios.length, wanted.caps.length, wanted.targets) }
    this.draw()
  }

  /** Whether the figures are those of the order that the sliders ask for. */
  follows() {
    return this.data.orders.every(name => this.values[name] === this.data.values[name])
  }

  /** A labelled range with its value and its help. */
  row(field) {
    const node = element("div", "row")
    const label = element("label", "", field.label)
    const input = element("input")
    const value = element("output", "value")
    const help = element("div", "help", field.help)
    input.type = "range"
    input.id = `plan-${field.name}`
    label.htmlFor = value.htmlFor = input.id
    help.id = `${input.id}-help`
    input.setAttribute("aria-describedby", help.id)
    Object.assign(input, { min: field.min, max: field.max, step: field.step })
    const row = { field, node, input, value }
    const move = to => {
      this.held = true
      node.classList.add("moving")
      this.values = { ...this.values, [field.name]: to }
      cancelAnimationFrame(this.frame)
      this.frame = requestAnimationFrame(() => this.follow())
    }
    input.oninput = () => move(rounded(input.value))
    input.onkeydown = event => {
      if (passedOn(event)) return
      this.byKey = true
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key]
      if (!event.shiftKey || !way) return
      event.preventDefault()
      move(clamp(rounded(this.values[field.name] + way * field.leap), field.min, field.max))
    }
    input.onpointerdown = () => {
      this.release()  // of what the keys have moved
      this.byKey = false
      node.classList.add("moving")
    }
    input.onchange = () => this.byKey || this.release()
    input.onkeyup = event => {
      if (passedOn(event)) return
      clearTimeout(this.resting)
      this.resting = setTimeout(() => this.release(), KEYS_REST)
    }
    input.onblur = () => {
      // Where the pointer takes another slider, that has moved by now.
      if (this.byKey) this.release()
      node.classList.remove("moving")
    }
    node.append(label, input, value, help)
    return row
  }

  release() {
    clearTimeout(this.resting)
    if (this.held) this.apply()
  }

  /** Tell Python: the one message of a drag. */
  apply() {
    this.held = false
    const changed = Object.entries(this.values).filter(([name, value]) => value !== this.data.values[name])
    if (!changed.length && this.turn <= this.data.turn) return
    this.turn = Math.max(this.turn, this.data.turn) + 1
    this.root.querySelector(".waiting").hidden = this.follows()
    this.send("applied", { values: Object.fromEntries(changed), turn: this.turn })
  }

  /** Everything that depends on the sliders, and the map by its event. */
  follow() {
    const { order } = this.data
    const { reduction, cap } = this.values
    const plan = planAt(order, reduction, cap)
    // A ratio between two steps of the slider comes from elsewhere, and with its own count.
    const given = reduction === this.data.values.reduction && cap === this.data.values.cap && this.follows()
    if (given) plan.upWeighted = order.present
    const says = `${count(plan.kept)} of ${count(order.pairs)} pairs kept`
    this.writeCounts(plan, order.pairs)
    for (const { field, input, value } of this.rows) {
      const now = this.values[field.name]
      if (Number(input.value) !== now) input.value = now
      value.value = valued(field, now)
      input.setAttribute("aria-valuetext", `${valued(field, now)}, ${says}`)
      input.style.setProperty("--at", `${100 * (now - field.min) / (field.max - field.min)}%`)
    }
    window.dispatchEvent(new CustomEvent(PLAN, { detail: plan.message }))
    this.draw()
  }

  writeCounts(plan, pairs) {
    const part = (number, word, title) => {
      const node = element("span", word.split(" ")[0], `${count(number)} ${word}`)
      node.title = title
      return node
    }
    const percent = (100 * plan.pruned / Math.max(pairs, 1)).toFixed(1)
    this.root.querySelector(".counts").replaceChildren(
      part(plan.kept, "kept", `Pairs that stay, of ${count(pairs)}. Training takes about ${(plan.kept / Math.max(pairs, 1)).toFixed(2)} of the time.`),
      part(plan.pruned, "pruned", `${percent} % of the pairs go.`),
      part(plan.upWeighted, "up-weighted", "Pairs of clusters with more benefit than their share, and those you made heavier."),
    )
  }

  /** One radio a target and gap; the chosen one is what the curve shows. */
  writeEffects() {
    this.effects = this.data.prediction.effects.map((effect, i) => {
      const node = element("label", `effect ${effect.kind}`)
      const input = element("input")
      input.type = "radio"
      input.name = "effect"
      input.checked = i === this.chosen
      input.onchange = () => { this.chosen = i; this.draw() }
      const says = element("span", "says")
      node.append(input, element("span", "name", effect.label), says)
      return { node, says }
    })
    this.root.querySelector(".effects").replaceChildren(...this.effects.map(effect => effect.node))
  }

  draw() {
    const { grid } = this
    const { effects, losses, measured } = this.data.prediction
    const { reduction, cap } = this.values
    const width = Math.round(this.root.querySelector(".predicted").clientWidth)
    const [curve, below] = [this.root.querySelector(".curve"), this.root.querySelector(".measured")]
    curve.hidden = !grid || !effects.length
    below.hidden = !measured.points.length
    if (!width) return
    if (grid) {
      const now = effectsAt(effects, losses, grid, reduction, cap)
      now.forEach((effect, i) => {
        const { node, says } = this.effects[i]
        says.textContent = changed(effect)
        says.className = `says ${direction(effect.percent)}`
        node.title = explained(effect)
      })
      if (now.length) curve.replaceChildren(...this.curve(now, width))
    }
    if (measured.points.length) {
      const drawing = arms({ points: measured.points, ratio: reduction, width, height: 50 })
      drawing.setAttribute("aria-label", measured.points.map(point => point.title).join("; "))
      below.replaceChildren(caption(`Measured: ${measured.metric} of influence − full, points`), drawing)
    }
  }

  /** The curve of the chosen effect, and of the gap that belongs to it. */
  curve(now, width) {
    const { grid } = this
    const { effects, losses, checks } = this.data.prediction
    const { reduction, cap } = this.values
    const chosen = now[this.chosen]
    const beside = now.findIndex(effect => effect.kind === "gap" && (chosen.attribute ?? effect.attribute) === effect.attribute)
    const shown = [this.chosen, ...(beside < 0 || beside === this.chosen ? [] : [beside])]
    const ratios = [...new Set([...grid.ratios, clamp(reduction, 0, MOST)])].sort((a, b) => a - b)
    const along = ratios.map(ratio => effectsAt(effects, losses, grid, ratio, cap))
    const drawing = tradeoff({
      lines: shown.map(i => ({ className: now[i].kind, points: ratios.map((ratio, t) => [ratio, along[t][i].percent]) })),
      checks: checks.filter(check => shown.includes(check.effect)).map(check => ({
        ...check, label: now[check.effect].label, className: now[check.effect].kind, percent: 100 * check.fall / now[check.effect].of,
      })),
      ratio: reduction, width, height: this.height(),
    })
    drawing.setAttribute("aria-label", `Predicted at each reduction ratio, up is better. At ${valued(this.data.fields[0], reduction)}: `
      + shown.map(i => `${now[i].label} ${changed(now[i])}`).join(", "))
    const title = caption("Predicted fall of the loss")
    for (const i of shown) title.append(element("span", `key ${now[i].kind}`, now[i].label))
    const badge = element("span", `badge ${chosen.verdict}`, chosen.verdict)
    badge.title = `Removal effects behind the curve. ${this.data.meaning}`
    title.append(badge)
    return [title, drawing]
  }

  /** What the panel has left for the curve. */
  height() {
    const taken = [...this.root.querySelectorAll(".sliders, .counts, .effects")].reduce((sum, node) => sum + node.offsetHeight, 0)
    const given = parseFloat(getComputedStyle(this.root).minHeight)
    return clamp(given - taken - (this.data.prediction.measured.points.length ? 72 : 0) - 38, 96, 480)
  }

  destroy() {
    clearTimeout(this.resting)
    cancelAnimationFrame(this.frame)
    this.observer.disconnect()
  }
}

/** A letter means nothing to a slider: the page's keys (undo, prune and so on), which are deaf to inputs, get it. */
function passedOn(event) {
  if (!/^[a-z]$/i.test(event.key) || event.ctrlKey || event.metaKey || event.altKey) return false
  event.stopPropagation()
  const { type, key, code, keyCode } = event
  document.body.dispatchEvent(new KeyboardEvent(type, { key, code, keyCode, which: keyCode, bubbles: true }))
  return true
}

/** Sums of tenths drift; a slider's values have three places at most. */
function rounded(value) {
  return Math.round(1000 * Number(value)) / 1000
}

function caption(text) {
  return element("figcaption", "", text)
}

function element(name, className = "", text = "") {
  const node = document.createElement(name)
  node.className = className
  node.textContent = text
  return node
}
