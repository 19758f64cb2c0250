// The list of topics or clusters: a table whose rows are chosen by mouse or keyboard and whose heads sort. Python sends one
// page of it; text is set as text, never as markup.

export default function (component) {
  const { data, parentElement } = component
  const table = parentElement.querySelector("table")
  const head = table.tHead
  const body = table.tBodies[0]
  head.onclick = event => {
    const sorted = event.target.closest("button")?.dataset.column
    if (sorted) component.setTriggerValue("sorted", sorted)
  }
  const choose = row => component.setTriggerValue("chosen", row.dataset.id)
  body.onclick = event => {
    const row = event.target.closest("tr")
    if (row) choose(row)
  }
  body.onkeydown = event => {
    const row = event.target.closest("tr")
    const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[event.key]
    if (event.key === "Enter" || event.key === " ") choose(row)
    else if (next) focus(body, next)
    else if (next === undefined) return
    event.preventDefault()
  }
  const shown = JSON.stringify(data)
  if (table.shown === shown) return
  table.shown = shown
  table.setAttribute("aria-label", data.label)
  head.replaceChildren(heading(data))
  body.replaceChildren(...data.rows.map(row => line(row, data)))
  const first = body.querySelector(".chosen") ?? body.firstChild
  if (first) first.tabIndex = 0
}

function focus(body, row) {
  for (const other of body.rows) other.tabIndex = other === row ? 0 : -1
  row.focus()
}

function heading({ columns, sorted, descending }) {
  const row = element("tr")
  for (const { name, title, help, sorts } of columns) {
    const cell = element("th", name)
    cell.scope = "col"
    cell.title = help
    if (sorts) {
      const button = element("button", "", title)
      button.dataset.column = name
      if (name === sorted) {
        cell.setAttribute("aria-sort", descending ? "descending" : "ascending")
        button.append(element("span", "arrow", descending ? " ▾" : " ▴"))
      }
      cell.append(button)
    } else {
      cell.textContent = title
    }
    row.append(cell)
  }
  return row
}

function line(content, { columns }) {
  const row = element("tr", content.chosen ? "chosen" : "")
  row.dataset.id = content.id
  row.tabIndex = -1
  for (const { name } of columns) {
    const cell = element("td", name)
    cell.append(...cells[name](content[name], content))
    row.append(cell)
  }
  return row
}

const cells = {
  photos: (photos, row) => photos.map(source => {
    const image = element("img")
    image.loading = "lazy"
    image.alt = `a photo of ${row.name.name}`
    image.src = source
    return image
  }),
  name: ({ name, keywords }) => [element("div", "title", name), element("div", "keywords", keywords)],
  pairs: ({ count, share }) => [element("div", "", count), element("div", "small", share)],
  agreement: text => [element("span", "", text)],
  influence: ({ text, part, colour, error }) => [bar(part, error, colour), element("div", "small", text)],
  groups: parts => {
    const stack = element("div", "stack")
    stack.title = parts.map(({ value, text }) => `${value} ${text}`).join(", ")
    stack.setAttribute("role", "img")
    stack.setAttribute("aria-label", stack.title)
    for (const { share, colour } of parts) {
      const piece = element("span")
      piece.style.width = `${100 * share}%`
      piece.style.background = colour
      stack.append(piece)
    }
    return [stack, element("div", "small", parts.slice(0, 2).map(({ value, text }) => `${value} ${text}`).join(", "))]
  },
  disposition: ({ word, colour, detail }) => {
    const mark = element("span", "mark", word)
    mark.style.setProperty("--dot", colour)
    return [mark, element("div", "small", detail)]
  },
}

/** A bar from the middle, to the right where the cluster helps, with a line as wide as its interval. */
function bar(part, error, colour) {
  const track = element("div", "track")
  const at = 50 + 50 * Math.max(-1, Math.min(1, part))
  const fill = element("span", "fill")
  fill.style.left = `${Math.min(50, at)}%`
  fill.style.width = `${Math.abs(at - 50)}%`
  fill.style.background = colour
  const whisker = element("span", "whisker")
  const [low, high] = [at - 50 * error, at + 50 * error].map(end => Math.max(0, Math.min(100, end)))
  whisker.style.left = `${low}%`
  whisker.style.width = `${high - low}%`
  track.append(fill, whisker)
  return track
}

function element(name, className = "", text = "") {
  const node = document.createElement(name)
  node.className = className
  node.textContent = text
  return node
}
