/**
 * Truck marks by WebGL: one textured square a truck, all in one draw call, so that thousands cost no more
 * than filling one array. The sprites of the four states lie side by side in one texture.
 */

import { STATES } from "./motion.ts";
import type { Palette } from "./palette.ts";
import { drawShape, SPRITE_PX } from "./sprites.ts";

/** Numbers a mark: x, y (CSS pixels), cosine and sine of its turn times its size, state's index. */
const STRIDE = 5;

const VERTEX = `#version 300 es
layout(location = 0) in vec2 corner;
layout(location = 1) in vec4 place;
layout(location = 2) in float state;
uniform vec2 size;
out vec2 uv;
void main() {
  vec2 turned = vec2(corner.x * place.z - corner.y * place.w, corner.x * place.w + corner.y * place.z);
  vec2 at = (place.xy + turned * ${SPRITE_PX}.0) / size * 2.0 - 1.0;
  gl_Position = vec4(at.x, -at.y, 0.0, 1.0);
  uv = vec2((corner.x + 0.5 + state) / ${STATES.length}.0, corner.y + 0.5);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
uniform sampler2D sprites;
uniform float alpha;
in vec2 uv;
out vec4 colour;
void main() { colour = texture(sprites, uv) * alpha; }`;

export class Marks {
  readonly canvas = document.createElement("canvas");
  private readonly gl: WebGL2RenderingContext;
  private program: WebGLProgram | null = null;
  private data = new Float32Array(0);
  private count = 0;

  constructor(private palette: Palette) {
    const gl = this.canvas.getContext("webgl2", { premultipliedAlpha: true, antialias: false });
    if (!gl) throw new Error("no WebGL 2: got none from this browser, want it for the map");
    this.gl = gl;
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.program = null;
    });
    this.canvas.addEventListener("webglcontextrestored", () => this.prepare());
    this.prepare();
  }

  recolour(palette: Palette): void {
    this.palette = palette;
    if (this.program) this.uploadSprites();
  }

  /** Start a frame that will hold at most `most` marks. */
  begin(most: number): void {
    if (this.data.length < most * STRIDE) this.data = new Float32Array(most * STRIDE * 2);
    this.count = 0;
  }

  /** One mark; `turn` in radians clockwise from north. */
  add(x: number, y: number, turn: number, scale: number, state: number): void {
    const at = this.count++ * STRIDE;
    const { data } = this;
    data[at] = x;
    data[at + 1] = y;
    data[at + 2] = turn === 0 ? scale : Math.cos(turn) * scale;
    data[at + 3] = turn === 0 ? 0 : Math.sin(turn) * scale;
    data[at + 4] = state;
  }

  /** Draw what was added, on a canvas of `width` by `height` CSS pixels. */
  end(width: number, height: number, alpha: number): void {
    const { gl, program } = this;
    if (!program) return;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(gl.getUniformLocation(program, "size"), width, height);
    gl.uniform1f(gl.getUniformLocation(program, "alpha"), alpha);
    gl.bufferData(gl.ARRAY_BUFFER, this.data.subarray(0, this.count * STRIDE), gl.STREAM_DRAW);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.count);
  }

  private prepare(): void {
    const { gl } = this;
    this.program = link(gl);
    gl.useProgram(this.program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-0.5, -0.5, 0.5, -0.5, -0.5, 0.5, 0.5, 0.5]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    for (const [location, length, offset] of [[1, 4, 0], [2, 1, 16]] as const) {
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, length, gl.FLOAT, false, STRIDE * 4, offset);
      gl.vertexAttribDivisor(location, 1);
    }
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    this.uploadSprites();
  }

  private uploadSprites(): void {
    const { gl } = this;
    const side = Math.ceil(SPRITE_PX * devicePixelRatio);
    const canvas = document.createElement("canvas");
    canvas.width = side * STATES.length;
    canvas.height = side;
    const context = canvas.getContext("2d")!;
    STATES.forEach((state, i) => {
      context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, side * (i + 0.5), side / 2);
      drawShape(context, state, this.palette);
    });
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, canvas);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  }
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`truck marks: shaders not accepted: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}
