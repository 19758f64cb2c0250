// What the map draws with: the shaders, and the message from Python taken apart. Comes before map.js in one module.

const VERTEX = `
attribute vec2 position;
attribute vec2 look;
uniform vec2 centre, zoom;
uniform float size;
varying float shade, kind, width;
void main() {
  shade = look.x;
  kind = look.y;
  width = size * (kind < 0.5 ? 0.8 : kind > 1.5 ? 1.45 : 1.0);
  gl_PointSize = width + 1.0;
  gl_Position = vec4((position - centre) * zoom * 2.0, 0.0, 1.0);
}`

const FRAGMENT = `
precision mediump float;
uniform sampler2D palette;
uniform vec3 edge, faint;
varying float shade, kind, width;
void main() {
  float r = length(gl_PointCoord * 2.0 - 1.0);
  float soft = 2.0 / width;
  float alpha = 1.0 - smoothstep(1.0 - soft, 1.0, r);
  vec3 colour = texture2D(palette, vec2((shade + 0.5) / 256.0, 0.5)).rgb;
  colour = mix(colour, edge, 0.45 * smoothstep(0.9 - 1.5 * soft, 0.95, r));
  if (kind < 0.5) { colour = faint; alpha *= 0.4; } else { alpha *= 0.92; }
  gl_FragColor = vec4(colour * alpha, alpha);
}`

function link(gl) {
  const program = gl.createProgram()
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(type)
    gl.shaderSource(shader, source)
    gl.compileShader(shader)
    gl.attachShader(program, shader)
  }
  gl.linkProgram(program)
  gl.useProgram(program)
  return program
}

/** Header and arrays out of one message: a length, JSON, then x, y, tags (uint16) and shades, kinds (uint8). */
function unpack(message) {
  const bytes = message.slice()
  const length = new DataView(bytes.buffer).getUint32(0, true)
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
  let at = 4 + length
  const take = (type, n) => {
    const part = new type(bytes.buffer, at, n)
    at += part.byteLength
    return part
  }
  const n = header.n
  return {
    ...header,
    x: take(Uint16Array, n), y: take(Uint16Array, n), tag: take(Uint16Array, n),
    shade: take(Uint8Array, n), kind: take(Uint8Array, n),
  }
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high)
}

function rgb(colour) {
  return [1, 3, 5].map(i => parseInt(colour.slice(i, i + 2), 16))
}

function brightness(colour) {
  const [r, g, b] = rgb(/^#[0-9a-f]{6}/i.test(colour) ? colour : "#ffffff")
  return 0.3 * r + 0.59 * g + 0.11 * b
}
