// Numbers as words. Pure.

const grouped = new Intl.NumberFormat("en-US")

function count(value) {
  return grouped.format(value)
}

/** A number with its sign, a real minus. */
function signed(value, digits) {
  const text = Math.abs(value).toFixed(digits)
  const zero = Number(text) === 0
  return (zero ? "" : value < 0 ? "−" : "+") + text
}

/** The value of a slider with its unit. */
function valued({ unit, digits, scale }, value) {
  return `${(scale * value).toFixed(digits)}${unit ? ` ${unit}` : ""}`
}

/** Which way a loss goes; less than half of what is shown is no change. */
function direction(percent) {
  return Math.abs(percent) < 0.05 ? "stays" : percent > 0 ? "falls" : "rises"
}

function changed({ percent }) {
  const word = direction(percent)
  return word === "stays" ? word : `${word} ${Math.abs(percent).toFixed(1)} %`
}

/** The whole of a prediction, for whoever hovers over it. */
function explained({ what, kind, fall, now, percent, verdict }) {
  return `Predicted: ${what} goes from ${now.toFixed(3)} to ${(now - fall).toFixed(3)} nats `
    + `(${signed(-fall, 3)} nats, ${signed(-percent, 1)} % of the ${kind === "gap" ? "overall" : "present"} loss). `
    + (kind === "gap" ? "The gap is the highest loss of a group less the lowest. " : "")
    + `Removal effects of single clusters: ${verdict}.`
}
