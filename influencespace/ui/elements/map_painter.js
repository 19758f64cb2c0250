// Draws points with WebGL 2, straight from the arrays as they were fetched: no loop over points, at no time.

const SMALL = 4  // pixels; below, a disc and a square look the same and the square is drawn much faster

class Painter {
  constructor(canvas) {
    this.canvas = canvas
    // What was drawn stays, so that a frame may add to it.
    this.gl = canvas.getContext("webgl2", {
      antialias: false, alpha: true, depth: true, preserveDrawingBuffer: true, powerPreference: "high-performance",
    })
  }

  /** Set everything up; again after the browser took the context away. */
  start() {
    const { gl } = this
    const vertex = (soft, layered) => VERTEX.replace("SOFT", soft).replace("LAYERED", layered)
    this.squares = link(gl, vertex("0.0", "0.0"), SQUARE)
    this.discs = link(gl, vertex("1.0", "1.0"), DISC)
    this.buffers = {}
    this.attributes = {}
    this.n = 0
    this.every = null
    this.textures = Object.fromEntries(["clusterColours", "benefits", "palette"].map((name, unit) => {
      const texture = gl.createTexture()
      gl.activeTexture(gl.TEXTURE0 + unit)
      gl.bindTexture(gl.TEXTURE_2D, texture)
      for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST)
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, 1, 1, 0, gl.RED, gl.UNSIGNED_BYTE, null)
      return [name, unit]
    }))
    // What is not there has one value for all points.
    for (const name of ["turn", "shade"]) gl.vertexAttribI4ui(LOCATION[name], 0, 0, 0, 0)
    gl.vertexAttribI4ui(LOCATION.mask, 1, 0, 0, 0)
    gl.enable(gl.DEPTH_TEST)
    gl.depthFunc(gl.LEQUAL)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  }

  /** Places of n points, followed by their clusters, in one buffer. */
  setPoints(content, n) {
    const { gl } = this
    this.n = n
    const buffer = this.fill("points", content)
    this.attributes.position = { buffer, width: 4, offset: 0, parts: 2, type: gl.UNSIGNED_SHORT }
    this.attributes.cluster = { buffer, width: 2, offset: 4 * n, parts: 1, type: gl.UNSIGNED_SHORT }
    this.every = null
  }

  /** One number a point: turns (two bytes each), shades or the mask (one); undefined: there is none. */
  setColumn(name, content) {
    const { gl } = this
    const [width, type] = name === "turn" ? [2, gl.UNSIGNED_SHORT] : [1, gl.UNSIGNED_BYTE]
    if (content) this.attributes[name] = { buffer: this.fill(name, content), width, offset: 0, parts: 1, type }
    else delete this.attributes[name]
    this.every = null
  }

  fill(name, content) {
    const { gl } = this
    this.buffers[name] ??= gl.createBuffer()
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name])
    gl.bufferData(gl.ARRAY_BUFFER, content, gl.STATIC_DRAW)
    return this.buffers[name]
  }

  /** Say how the arrays are read: of so many points one, from which on. */
  bind(every, from) {
    if (this.every === every && this.from === from) return
    const { gl } = this
    Object.assign(this, { every, from })
    for (const [name, location] of Object.entries(LOCATION)) {
      const attribute = this.attributes[name]
      if (!attribute) {
        gl.disableVertexAttribArray(location)
        continue
      }
      const { buffer, width, offset, parts, type } = attribute
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer)
      gl.enableVertexAttribArray(location)
      const start = offset + width * from
      if (name === "position") gl.vertexAttribPointer(location, parts, type, true, width * every, start)
      else gl.vertexAttribIPointer(location, parts, type, width * every, start)
    }
  }

  /** One texel a cluster: `clusterColours` (four bytes) or `benefits` (a float), in rows of 256. */
  setClusters(name, content) {
    if (!content) return
    const { gl } = this
    const rows = Math.ceil(content.byteLength / 4 / TEXTURE_SIDE)
    const padded = new Uint8Array(4 * TEXTURE_SIDE * rows)
    padded.set(new Uint8Array(content))
    const [inner, format, type, texels] = name === "benefits"
      ? [gl.R32F, gl.RED, gl.FLOAT, new Float32Array(padded.buffer)]
      : [gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, padded]
    gl.activeTexture(gl.TEXTURE0 + this.textures[name])
    gl.texImage2D(gl.TEXTURE_2D, 0, inner, TEXTURE_SIDE, rows, 0, format, type, texels)
  }

  setPalette(colours) {
    const { gl } = this
    const texels = new Uint8Array(4 * TEXTURE_SIDE)
    colours.forEach((colour, i) => texels.set([...rgb(colour), 255], 4 * i))
    gl.activeTexture(gl.TEXTURE0 + this.textures.palette)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, TEXTURE_SIDE, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels)
  }

  /**
   * Draw of so many points (`every`) one; from the first on, over nothing, or from a later one on, beside what is there.
   *
   * `look` has `by`, `faintShade` (-1 for none), the colours `pale` and `rim`, and of a plan `removedCode`, `threshold`, `cap`.
   */
  paint(view, look, every = 1, from = 0) {
    const { gl, canvas, n } = this
    const ratio = window.devicePixelRatio || 1
    const [width, height] = [canvas.clientWidth, canvas.clientHeight]
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)]
    if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down })
    gl.viewport(0, 0, across, down)
    if (!from) gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT)
    if (from >= n) return
    const apart = Math.sqrt((width * height) / n) * (view.zoom / FIT)
    const size = clamp(apart * 0.55, clamp(apart, 1, 2), 11) * ratio
    const { program, uniforms } = size < SMALL ? this.squares : this.discs
    if (size < SMALL) gl.disable(gl.BLEND)
    else gl.enable(gl.BLEND)
    gl.useProgram(program)
    for (const [name, unit] of Object.entries(this.textures)) gl.uniform1i(uniforms[name], unit)
    gl.uniform1i(uniforms.by, BY[look.by])
    gl.uniform1i(uniforms.faintShade, look.faintShade)
    gl.uniform1ui(uniforms.removedCode, look.removedCode)
    gl.uniform1f(uniforms.threshold, look.threshold)
    gl.uniform1f(uniforms.growth, look.cap ** 0.25)
    gl.uniform2f(uniforms.centre, view.x, view.y)
    gl.uniform1f(uniforms.zoom, view.zoom)
    gl.uniform1f(uniforms.size, size)
    gl.uniform3fv(uniforms.pale, look.pale.map(channel => channel / 255))
    if (uniforms.rim) gl.uniform3fv(uniforms.rim, look.rim.map(channel => channel / 255))
    this.bind(every, from)
    gl.drawArrays(gl.POINTS, 0, Math.ceil((n - from) / every))
  }

  destroy() {
    this.gl?.getExtension("WEBGL_lose_context")?.loseContext()
  }
}

function rgb(colour) {
  return [1, 3, 5].map(i => parseInt(colour.slice(i, i + 2), 16))
}
