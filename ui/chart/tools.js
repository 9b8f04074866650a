// What the other files share: loading Plotly, numbers from the wire, the theme, the type scale.

let plotlyLoading = null;

// path: below the app's own address, which is two folders above the parts.
export function loadPlotly(path) {
  plotlyLoading ??= new Promise((resolve, reject) => {
    const load = () => {
      const script = document.createElement("script");
      script.src = new URL(`../../${path}`, import.meta.url);
      script.onload = resolve;
      script.onerror = () => { plotlyLoading = null; script.remove(); reject(new Error("plotly.js did not load")); };
      document.head.append(script);
    };
    // A page that begins with a lesson has it among its own scripts, which have all run once the document is ready.
    if (document.readyState === "complete" || !document.querySelector("script[src$='plotly.min.js']")) return load();
    let asked = false;
    const ready = () => {
      if (window.Plotly) resolve();
      else if (!asked) { asked = true; load(); }
    };
    document.addEventListener("DOMContentLoaded", ready);
    window.addEventListener("load", ready);  // where the document was ready before, and lacked it
  });
  return plotlyLoading;
}

// Whether this browser draws in three dimensions. Asked once, as each answer costs a context of the few that there are.
let webgl = null;
export function hasWebGL() {
  if (webgl === null) {
    const context = document.createElement("canvas").getContext("webgl");
    webgl = Boolean(context);
    context?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return webgl;
}

const ARRAYS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array,
                 u2: Uint16Array, i4: Int32Array, u4: Uint32Array };

// The numbers of an array as Plotly takes them: flat, or a list of rows. They come in planes: the first byte of each, then the
// second of each, and so on; integers of four bytes as differences, each from the one before.
function arrayOf({ dtype, shape, at }, buffer) {
  const size = ARRAYS[dtype].BYTES_PER_ELEMENT;
  const count = shape.reduce((a, b) => a * b);
  const planes = new Uint8Array(buffer, at, size * count);
  const bytes = new Uint8Array(size * count);
  for (let byte = 0, from = 0; byte < size; byte++) for (let to = byte; to < bytes.length; to += size) bytes[to] = planes[from++];
  if (dtype === "i4") {
    const numbers = new Int32Array(bytes.buffer);
    for (let i = 1; i < count; i++) numbers[i] += numbers[i - 1];
  }
  const cut = (from, [length, ...rest]) => {
    if (!rest.length) return new ARRAYS[dtype](bytes.buffer, from, length);
    const stride = rest.reduce((a, b) => a * b, size);
    return Array.from({ length }, (_, i) => cut(from + i * stride, rest));
  };
  return cut(0, shape);
}

// Puts each array into the place where {dtype, shape, at} stands for it, and blob(bytes, mime) where {mime, length, at} stands.
export function putArrays(node, buffer, blob) {
  for (const key of Object.keys(node)) {
    const value = node[key];
    if (value === null || typeof value !== "object" || typeof (value[0] ?? {}) !== "object") continue;
    if (value.dtype) node[key] = arrayOf(value, buffer);
    else if (value.mime) node[key] = blob(new Uint8Array(buffer, value.at, value.length), value.mime);
    else putArrays(value, buffer, blob);
  }
}

export const bareText = (html) => html.replace(/<br\s*\/?>/gi, " ").replace(/<\/?(a|b|i|em|strong|su[bp]|span)\b[^>]*>/gi, "");

// Bytes as an address that needs no request, for Plotly, which takes no others.
export const bytesToDataUrl = (bytes, mime) => `data:${mime};base64,${btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""))}`;

// The first `count` points of each of the equal parts of an array, a gap after each where there are several.
export function firstPoints(values, count, parts) {
  if (parts === 1) return values.slice(0, count);
  const length = values.length / parts;
  return Array.from({ length: parts }, (_, i) => [...values.slice(i * length, i * length + count), null]).flat();
}

export async function blobToDataUrl(blob) {
  const reader = new FileReader();
  reader.readAsDataURL(blob);
  await new Promise((then) => { reader.onload = then; });
  return reader.result;
}

export const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  if (tag === "button") node.type = "button";
  return node;
};

export function svgNode(name, about = {}, parent = null) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(about)) node.setAttribute(key, value);
  return parent ? parent.appendChild(node) : node;
}

const NO_FRAME = 500;  // milliseconds after which nobody waits for a frame: a window that is covered or drawn in software may give none
export const nextFrame = () => new Promise((then) => {
  const late = setTimeout(then, NO_FRAME);
  requestAnimationFrame(() => { clearTimeout(late); setTimeout(then, 0); });
});
export const reducedMotion = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
export const coarsePointer = () => window.matchMedia("(pointer: coarse)").matches;

export function isDark(node) {
  // The nearest opaque background says which theme is on, whatever Streamlit calls it.
  for (let n = node; n; n = n.parentElement) {
    const c = getComputedStyle(n).backgroundColor.match(/[\d.]+/g)?.map(Number);
    if (c && (c.length < 4 || c[3] > 0)) return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2] < 128;
  }
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

export function swapColours(text, darkColours) {
  const rgba = {};
  for (const [light, dark] of Object.entries(darkColours)) {
    const dec = (h) => [1, 3, 5].map((i) => parseInt(h.slice(i, i + 2), 16)).join(",");
    rgba[dec(light)] = dec(dark);
  }
  return text
    .replace(/"#[0-9A-Fa-f]{6}"/g, (hit) => (darkColours[hit.slice(1, 8).toUpperCase()] ? `"${darkColours[hit.slice(1, 8).toUpperCase()]}"` : hit))
    .replace(/rgba\((\d+,\d+,\d+),/g, (hit, c) => (rgba[c] ? `rgba(${rgba[c]},` : hit));
}

const FONT_STEPS = [[0, 12], [640, 13], [1200, 14], [1600, 17], [2200, 20]];
const inLectureMode = () => document.documentElement.classList.contains("lab-lecture-mode");
// In lecture mode ticks, nine tenths of it, are read from the back row: 22 px on a screen of 1920.
export const fontSize = () => (inLectureMode() ? Math.max(15, Math.round(window.innerWidth / 78)) : FONT_STEPS.filter(([w]) => window.innerWidth >= w).at(-1)[1]);
const strokeScale = () => (inLectureMode() ? 1.6 : 1);

export const DASHES = { solid: "", dot: "2 3", dash: "7 4", longdash: "11 4", dashdot: "7 3 2 3", longdashdot: "11 3 2 3" };

export function legendEntry({ label, colour, dash }) {
  const item = document.createElement("li");
  item.innerHTML = `<svg viewBox="0 0 26 10" aria-hidden="true"><line x1="1" x2="25" y1="5" y2="5" stroke-width="3"
    stroke="${colour}" stroke-dasharray="${DASHES[dash] ?? ""}"/></svg>`;
  item.append(label);
  return item;
}

// One type scale: titles of axes as large as the text, ticks and hover a little smaller.
export function sizeLayout(layout, size) {
  const axis = (a) => ({ ...a, title: { ...a?.title, font: { ...a?.title?.font, size } }, tickfont: { ...a?.tickfont, size: 0.9 * size } });
  const out = { ...layout, font: { ...layout.font, size }, hoverlabel: { ...layout.hoverlabel, font: { ...layout.hoverlabel?.font, size } } };
  // Margins are told for type of 14 pixels, and grow with it.
  const margin = { ...layout.template?.layout?.margin, ...layout.margin };
  out.margin = Object.fromEntries(Object.entries(margin).map(([side, pixels]) => [side, (pixels * size) / 14]));
  // Room for half of a number of three figures at the right end of an axis, which Plotly would leave out.
  out.margin.r = Math.max(out.margin.r ?? 0, 0.9 * size);
  for (const key of ["xaxis", "yaxis", ...Object.keys(layout)]) if (/^[xy]axis\d*$/.test(key)) out[key] = axis(layout[key]);
  for (const key of Object.keys(layout)) {
    if (!/^scene\d*$/.test(key)) continue;
    out[key] = { ...layout[key] };
    for (const a of ["xaxis", "yaxis", "zaxis"]) out[key][a] = axis(layout[key][a]);
  }
  return out;
}

// The same scale for the bars beside coloured pictures, and for strokes and marks on the wall.
export function sizeTrace(trace, size) {
  const bar = (b) => ({ ...b, thickness: 0.8 * size, tickfont: { ...b.tickfont, size: 0.9 * size },
                        title: { ...b.title, font: { ...b.title?.font, size } } });
  const out = { ...trace };
  if (trace.colorbar) out.colorbar = bar(trace.colorbar);
  const by = strokeScale();
  const times = (v) => (Array.isArray(v) || ArrayBuffer.isView(v) ? Array.from(v, (s) => s * by) : typeof v === "number" ? v * by : v);
  if (by !== 1 && trace.line) out.line = { ...trace.line, width: times(trace.line.width ?? 2) };
  if (by !== 1 && trace.marker) {
    // Six pixels is what Plotly takes where no size is named.
    out.marker = { ...trace.marker, size: times(trace.marker.size ?? 6) };
    if (trace.marker.line?.width) out.marker.line = { ...trace.marker.line, width: times(trace.marker.line.width) };
  }
  if (trace.marker?.colorbar) out.marker = { ...out.marker, colorbar: bar(trace.marker.colorbar) };
  return out;
}
