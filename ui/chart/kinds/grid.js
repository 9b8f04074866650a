// Rows of images at one scale: figures/kinds.py, ImageGrid.

import { fontSize, make, putArrays, svgNode } from "../tools.js";
import { atFrame, EchoFilter, Kind, numberText, paletteOf } from "./kind.js";

const SHIFT_PAUSE = 300;  // milliseconds after the last key before Python hears of a shift

export class ImageGrid extends Kind {
  constructor(panel) {
    super(panel);
    this.root = this.node.appendChild(make("div", "lab-images"));
    this.hover = this.node.appendChild(make("div", "lab-hover"));
    this.tiles = [];
    this.bitmaps = new Map();
    this.echoes = new EchoFilter();
    this.frame = 0;
    this.listen();
  }

  get saves() { return { picture: true, numbers: this.figure.cells.some((one) => one && !this.isBlob(one)) }; }
  isBlob({ images }) { return images[0] instanceof Blob; }

  show(figure, numbers) {
    super.show(figure);
    this.forget();
    putArrays(figure.cells, numbers, (bytes, mime) => new Blob([bytes], { type: mime }));
    this.palette = paletteOf(figure.scale);
    if (this.echoes.isNew(figure.shift)) this.shift = figure.shift;
  }

  // What is shown of each cell at a frame: a bitmap, or rows of values.
  async images(frame) {
    const { bitmaps } = this;
    return Promise.all(this.figure.cells.map(async (one) => {
      const image = one && atFrame(one.images, frame);
      if (!(image instanceof Blob)) return image;
      if (!bitmaps.has(image)) bitmaps.set(image, createImageBitmap(image));
      return bitmaps.get(image);
    }));
  }

  forget() {
    for (const bitmap of this.bitmaps.values()) bitmap.then((one) => one.close());
    this.bitmaps = new Map();
  }

  async draw(frame) {
    const { figure } = this;
    const images = await this.images(frame);
    if (figure !== this.figure || !this.node.isConnected) return;
    this.frame = frame;
    this.build();
    figure.cells.forEach((one, i) => one && this.paint(this.tiles[i], one, images[i], frame));
    this.resize();
  }

  build() {
    const { cells, shift } = this.figure;
    const mode = shift ? "drag" : this.panel.spec.click ? "click" : "look";
    if (mode !== this.mode) for (const tile of this.tiles.splice(0)) tile.root.remove();
    this.mode = mode;
    this.root.classList.toggle("lab-drag", mode === "drag");
    while (this.tiles.length > cells.length) this.tiles.pop().root.remove();
    while (this.tiles.length < cells.length) this.tiles.push(this.tile(this.tiles.length));
    if (mode === "look") this.root.setAttribute("role", "list");
    else this.root.removeAttribute("role");
    if (mode !== "look" && !this.tiles.some((tile) => tile.root.tabIndex === 0)) this.tiles[0].root.tabIndex = 0;
  }

  tile(index) {
    const root = this.root.appendChild(make(this.mode === "look" ? "div" : "button", "lab-image"));
    root.dataset.cell = index;
    // One stop for the tabulator key, arrows from there; an image that is dragged is moved by the arrows.
    root.tabIndex = -1;
    if (this.mode === "look") { root.removeAttribute("tabindex"); root.setAttribute("role", "listitem"); }
    const frame = root.appendChild(make("span", "lab-image-frame"));
    frame.setAttribute("role", "img");
    const canvas = frame.appendChild(make("canvas"));
    const over = frame.appendChild(svgNode("svg", { preserveAspectRatio: "none", "aria-hidden": true }));
    const label = root.appendChild(make("span", "lab-image-label"));
    return { root, frame, canvas, over, label };
  }

  paint(tile, one, image, frame) {
    const [height, width] = image.length ? [image.length, image[0].length] : [image.height, image.width];
    if (tile.canvas.width !== width || tile.canvas.height !== height) Object.assign(tile.canvas, { width, height });
    const pen = tile.canvas.getContext("2d");
    if (image.length) pen.putImageData(this.coloured(image, width, height), 0, 0);
    else {
      pen.clearRect(0, 0, width, height);
      pen.drawImage(image, 0, 0);
    }
    tile.label.textContent = tile.label.title = one.labels.length ? atFrame(one.labels, frame) : "";
    tile.frame.setAttribute("aria-label", one.alt || tile.label.textContent || "image");
    tile.over.setAttribute("viewBox", `0 0 ${width} ${height}`);
    tile.over.replaceChildren(...one.overlays.flatMap((overlay) => drawnOver(overlay, frame, this.colours.paper)));
  }

  coloured(rows, width, height) {
    const data = new ImageData(width, height);
    const words = new Uint32Array(data.data.buffer);
    rows.forEach((row, y) => row.forEach((value, x) => { words[y * width + x] = this.palette[value]; }));
    return data;
  }

  // One scale for all images; small ones in whole screen pixels.
  resize() {
    const { columns, cells, pixelated } = this.figure;
    const size = fontSize();
    const gap = 0.5 * size;
    const rows = Math.ceil(cells.length / columns);
    const label = cells.some((one) => one?.labels.length) ? 1.5 * size : 0;
    const widths = Array(columns).fill(0), heights = Array(rows).fill(0);
    cells.forEach((one, i) => {
      if (!one) return;
      widths[i % columns] = Math.max(widths[i % columns], this.tiles[i].canvas.width);
      heights[Math.floor(i / columns)] = Math.max(heights[Math.floor(i / columns)], this.tiles[i].canvas.height);
    });
    const sum = (list) => list.reduce((a, b) => a + b, 0);
    const across = (this.node.clientWidth - gap * (columns - 1) - 8) / sum(widths);
    const down = (this.node.clientHeight - (gap + label) * rows - 8) / sum(heights);
    let scale = Math.max(0.05, Math.min(across, down));
    if (pixelated && scale > 6) scale = Math.floor(scale);
    this.scale = scale;
    Object.assign(this.root.style, { gridTemplateColumns: widths.map((w) => `${w * scale}px`).join(" "), gap: `${gap}px` });
    this.root.classList.toggle("lab-pixelated", pixelated);
    cells.forEach((one, i) => {
      const { root, frame } = this.tiles[i];
      root.style.visibility = one ? "" : "hidden";
      if (!one) return;
      Object.assign(frame.style, { width: `${this.tiles[i].canvas.width * scale}px`, height: `${this.tiles[i].canvas.height * scale}px` });
      root.style.fontSize = `${0.9 * size}px`;
    });
    this.shifted();
  }

  // While the hand moves an image, what was drawn follows it; the image as the lesson moves it comes with Python's answer.
  shifted() {
    const given = this.figure.shift;
    const [dx, dy] = given ? [0, 1].map((i) => (this.shift[i] - given[i]) * this.scale) : [0, 0];
    for (const { canvas } of this.tiles) canvas.style.transform = dx || dy ? `translate(${dx}px, ${dy}px)` : "";
  }

  move(dx, dy) {
    const { reach } = this.figure;
    this.shift = [dx, dy].map((v) => Math.max(-reach, Math.min(reach, v)));
    this.shifted();
  }

  sendShift() {
    clearTimeout(this.sendTimer);
    this.echoes.sent(this.shift);
    this.panel.send("shift", { shift: this.shift });
  }

  listen() {
    let from = null;
    const tileOf = (e) => e.target.closest?.(".lab-image");
    this.root.addEventListener("click", (e) => {
      if (tileOf(e) && !this.dragged) this.panel.click([Number(tileOf(e).dataset.cell)]);
      this.dragged = false;
    });
    this.root.addEventListener("pointerdown", (e) => {
      this.dragged = false;
      if (this.mode !== "drag" || !tileOf(e)) return;
      from = { at: [e.clientX, e.clientY], shift: this.shift };
      e.target.setPointerCapture(e.pointerId);
    });
    this.root.addEventListener("pointerleave", () => { this.hover.textContent = ""; });
    this.root.addEventListener("pointermove", (e) => {
      this.showValue(e);
      if (!from) return;
      const moved = [e.clientX - from.at[0], e.clientY - from.at[1]].map((v) => Math.round(v / this.scale));
      this.dragged ||= moved.some(Boolean);
      this.move(from.shift[0] + moved[0], from.shift[1] + moved[1]);
    });
    for (const kind of ["pointerup", "pointercancel"]) {
      this.root.addEventListener(kind, () => {
        if (from && this.dragged) this.sendShift();
        from = null;
      });
    }
    this.root.addEventListener("keydown", (e) => this.handleKey(e));
  }

  handleKey(e) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (!by || this.mode === "look") return;
    e.preventDefault();
    e.stopPropagation();
    if (this.mode === "drag") {
      this.move(this.shift[0] + by[0], this.shift[1] + by[1]);
      clearTimeout(this.sendTimer);
      this.sendTimer = setTimeout(() => this.sendShift(), SHIFT_PAUSE);
      return;
    }
    const { columns } = this.figure;
    const next = this.tiles[Number(e.target.dataset.cell) + by[0] + columns * by[1]];
    if (!next) return;
    e.target.tabIndex = -1;
    next.root.tabIndex = 0;
    next.root.focus();
  }

  // The value under the pointer, beside it.
  showValue(e) {
    const tile = this.tiles.find(({ frame }) => frame.contains(e.target));
    const one = tile && this.figure.cells[Number(tile.root.dataset.cell)];
    this.hover.textContent = "";
    if (!one || this.isBlob(one)) return;
    const rows = atFrame(one.images, this.frame);
    const inside = tile.frame.getBoundingClientRect();
    const [x, y] = [e.clientX - inside.left, e.clientY - inside.top].map((v) => Math.floor(v / this.scale));
    if (rows[y]?.[x] === undefined) return;
    this.hover.textContent = `${this.figure.quantity} ${numberText(this.valueOf(rows[y][x]))}`;
    const box = this.node.getBoundingClientRect();
    this.hover.style.left = `${Math.min(e.clientX - box.left + 12, box.width - this.hover.offsetWidth)}px`;
    this.hover.style.top = `${Math.max(0, e.clientY - box.top - 1.2 * this.hover.offsetHeight)}px`;
  }

  valueOf(level) {
    const { low, high } = this.figure;
    return low + (level / 255) * (high - low);
  }

  svg(width, height) {
    const box = this.node.getBoundingClientRect();
    const scale = width / box.width;
    const root = svgNode("svg", { width, height, viewBox: `0 0 ${box.width} ${height / scale}`, "font-family": this.board.family });
    this.figure.cells.forEach((one, i) => {
      if (!one) return;
      const { frame, canvas, over, label } = this.tiles[i];
      const place = (node) => {
        const { left, top, width: w, height: h } = node.getBoundingClientRect();
        return { x: left - box.left, y: top - box.top, width: w, height: h };
      };
      const at = place(frame);
      svgNode("image", { ...at, href: canvas.toDataURL(), preserveAspectRatio: "none",
                         style: this.figure.pixelated ? "image-rendering: pixelated" : "" }, root);
      const copy = over.cloneNode(true);
      for (const [key, value] of Object.entries(at)) copy.setAttribute(key, value);
      root.append(copy);
      const under = place(label);
      svgNode("text", { x: at.x + at.width / 2, y: under.y + 0.8 * under.height, "text-anchor": "middle", fill: this.colours.ink,
                        "font-size": 0.9 * fontSize() }, root).textContent = label.textContent;
    });
    return root;
  }

  rows() {
    const out = [["cell", "label", "row", "column", this.figure.quantity, "frame"]];
    this.figure.cells.forEach((one, i) => {
      if (!one || this.isBlob(one)) return;
      one.images.forEach((rows, f) => rows.forEach((row, y) => row.forEach((value, x) => {
        out.push([i, one.labels.length ? atFrame(one.labels, f) : "", y, x, this.valueOf(value), f]);
      })));
    });
    return out;
  }

  close() {
    clearTimeout(this.sendTimer);
    this.forget();
  }
}

function drawnOver({ paths, colour, filled, dash }, frame, paper) {
  const line = { d: atFrame(paths, frame), fill: "none", "vector-effect": "non-scaling-stroke", "stroke-linejoin": "round" };
  return [
    ...(filled ? [svgNode("path", { d: line.d, fill: colour, "fill-opacity": 0.3, "fill-rule": "evenodd", stroke: "none" })] : []),
    svgNode("path", { ...line, stroke: paper, "stroke-width": 4, "stroke-opacity": 0.7 }),
    svgNode("path", { ...line, stroke: colour, "stroke-width": 2, "stroke-dasharray": dash }),
  ];
}
