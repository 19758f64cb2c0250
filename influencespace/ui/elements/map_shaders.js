// The shaders. Everything that moves while a slider is dragged is a uniform: the points lie on the card as they were fetched.

const BY = { cluster: 0, shade: 1, plan: 2 }
const LOCATION = { position: 0, cluster: 1, turn: 2, shade: 3, mask: 4 }
const TEXTURE_SIDE = 256

// What is not shown in colour lies beneath. Of a plan, what is pruned is smaller and what weighs more is larger; LAYERED puts
// them in order too, where points are few. Where they cover each other, an order would hide all but the uppermost.
const VERTEX = `#version 300 es
precision highp float;
precision highp int;
layout(location = 0) in vec2 position;
layout(location = 1) in uint cluster;
layout(location = 2) in uint turn;
layout(location = 3) in uint shade;
layout(location = 4) in uint mask;
uniform sampler2D clusterColours, benefits, palette;
uniform int by, faintShade;
uniform uint removedCode;
uniform vec2 centre;
uniform float zoom, size, threshold, growth;
uniform vec3 pale;
flat out vec3 colour;
flat out float width;
void main() {
  ivec2 texel = ivec2(int(cluster) & 255, int(cluster) >> 8);
  int layer = 1;
  int place = int(shade);
  if (by == 2) {
    bool heavier = turn == 65534u || (turn < 65534u && growth > 1.0 && texelFetch(benefits, texel, 0).r > threshold);
    layer = turn < removedCode ? 0 : heavier ? 2 : 1;
    place = layer == 0 ? 2 : layer - 1;
  }
  bool hidden = mask == 0u || (by == 1 && place == faintShade);
  vec4 own = by == 0 ? texelFetch(clusterColours, texel, 0) : texelFetch(palette, ivec2(place, 0), 0);
  colour = hidden ? pale : own.rgb;
  width = size * (hidden || layer == 0 ? 0.8 : layer == 2 ? max(growth, 1.2) : 1.0);
  gl_PointSize = width + SOFT;
  gl_Position = vec4((position - centre) * zoom * 2.0, hidden ? 0.5 : LAYERED * 0.25 * float(1 - layer), 1.0);
}`

// Small points are squares of one colour; large ones have a soft edge and a darker rim.
const SQUARE = `#version 300 es
precision mediump float;
flat in vec3 colour;
out vec4 fragment;
void main() {
  fragment = vec4(colour, 1.0);
}`

const DISC = `#version 300 es
precision mediump float;
flat in vec3 colour;
flat in float width;
uniform vec3 rim;
out vec4 fragment;
void main() {
  float r = length(gl_PointCoord * 2.0 - 1.0);
  float soft = 2.0 / width;
  float alpha = 1.0 - smoothstep(1.0 - soft, 1.0, r);
  if (alpha == 0.0) discard;
  fragment = vec4(mix(colour, rim, 0.4 * smoothstep(0.9 - 1.5 * soft, 0.95, r)) * alpha, alpha);
}`

function link(gl, vertex, fragment) {
  const program = gl.createProgram()
  for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(type)
    gl.shaderSource(shader, source)
    gl.compileShader(shader)
    gl.attachShader(program, shader)
  }
  gl.linkProgram(program)
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`The map's shaders do not link: ${gl.getProgramInfoLog(program)}`)
  }
  const uniforms = {}
  for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); i++) {
    const { name } = gl.getActiveUniform(program, i)
    uniforms[name] = gl.getUniformLocation(program, name)
  }
  return { program, uniforms }
}
