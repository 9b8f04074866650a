// What the kinds of panels have in common; panel.js says what each method is for.

export class Kind {
  constructor(panel) {
    this.panel = panel;
    this.board = panel.board;
    this.node = panel.plot;
  }

  get saves() { return { picture: true, numbers: true }; }
  prepare() {}
  show(figure) { this.figure = figure; }
  draw() {}
  resize() {}
  svg() { return null; }
  rows() { return null; }
  close() {}

  // The colours of the look, in the theme that is on.
  get colours() {
    const { font, hoverlabel, modebar, xaxis } = this.board.look.template.layout;
    return { ink: font.color, paper: hoverlabel.bgcolor, muted: modebar.color, grid: xaxis.gridcolor, axis: xaxis.linecolor };
  }
}

// The value at a frame of what is there once, or once for each frame.
export const atFrame = (values, frame) => values[Math.min(frame, values.length - 1)];

// What a reader sets here and Python is told of. Python's answer is no news, even where it comes after the hand has moved on.
export class EchoFilter {
  constructor() { this.pending = []; }

  // Whether `given`, which Python has sent, is something else than an answer.
  isNew(given) {
    const text = JSON.stringify(given);
    if (text === this.received) return false;
    this.received = text;
    const at = this.pending.indexOf(text);
    this.pending.splice(0, at < 0 ? this.pending.length : at + 1);
    return at < 0;
  }

  sent(value) { this.pending.push(JSON.stringify(value)); }
}

// A drawing as large as it is asked for, of an SVG element whose attributes say all that is to be seen.
export function copyOf(svg, width, height) {
  const copy = svg.cloneNode(true);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  for (const node of copy.querySelectorAll("[data-only-here]")) node.remove();
  return copy;
}

// A number as a reader is told it, in so many digits.
export function numberText(value, digits = 3) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value < 0 ? "−∞" : "∞";
  const [mantissa, power] = value.toExponential(digits - 1).split("e").map(Number);
  const plain = (v) => String(v).replace("-", "−");
  if (value === 0 || (power >= -4 && power < 6)) return plain(Number(value.toPrecision(Number.isInteger(value) ? 15 : digits)));
  const raised = String(power).replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"["0123456789-".indexOf(c)]);
  return `${plain(mantissa)} × 10${raised}`;
}

// 256 colours, as words of ImageData, along a scale of [place, colour].
export function paletteOf(scale) {
  const stops = scale.map(([place, colour]) => [place, [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16))]);
  const bytes = new Uint8ClampedArray(4 * 256);
  for (let v = 0; v < 256; v++) {
    const place = v / 255;
    const after = Math.max(1, stops.findIndex(([end]) => end >= place));
    const [[a, from], [b, to]] = [stops[after - 1], stops[after]];
    const share = (place - a) / (b - a);
    bytes.set([0, 1, 2].map((c) => Math.round(from[c] + share * (to[c] - from[c]))), 4 * v);
    bytes[4 * v + 3] = 255;
  }
  return new Uint32Array(bytes.buffer);
}

// Levels [rows][columns] in the colours of a palette, as the address of an image.
let sheet = null;
export function levelsToUrl(rows, palette) {
  sheet ??= document.createElement("canvas");
  const [width, height] = [rows[0].length, rows.length];
  Object.assign(sheet, { width, height });
  const words = new Uint32Array(width * height);
  rows.forEach((row, y) => row.forEach((level, x) => { words[y * width + x] = palette[level]; }));
  sheet.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(words.buffer), width, height), 0, 0);
  return sheet.toDataURL();
}
