// Pixels that are drawn on with a soft pen: figures/kinds.py, RasterPad. `drawing` is the list of their values, row by row,
// each from 0, paper, to levels - 1, ink.

import { fontSize, svgNode } from "../tools.js";
import { DrawingKind } from "./pad.js";

export class RasterPad extends DrawingKind {
  show(figure) {
    super.show(figure);
    const { alt } = this.panel.spec;
    this.receive(figure.pixels);
    this.setTools([["Draw", ""], ["Erase", ""]]);
    this.sheet.setAttribute("aria-label", `${alt.replaceAll("**", "")} Arrow keys move the frame, Enter inks a pixel, Delete clears it.`);
    this.cursor ??= [Math.floor(figure.width / 2), Math.floor(figure.height / 2)];
  }

  empty() { this.drawing = this.drawing.map(() => 0); }

  layout(width, height) {
    const { figure } = this;
    const side = Math.max(2, Math.min((width - 4) / figure.width, (height - 4) / figure.height));
    const { ink, paper, axis, grid } = this.colours;
    this.side = side;
    const [w, h] = [side * figure.width, side * figure.height];
    for (const [key, value] of Object.entries({ width: w + 2, height: h + 2, viewBox: `-1 -1 ${w + 2} ${h + 2}` })) this.sheet.setAttribute(key, value);
    this.sheet.replaceChildren();
    svgNode("rect", { width: w, height: h, fill: paper, stroke: axis, "stroke-width": 2 }, this.sheet);
    this.pixels = this.drawing.map((_, k) => svgNode("rect", {
      x: side * (k % figure.width), y: side * Math.floor(k / figure.width), width: side, height: side, fill: ink,
      "shape-rendering": "crispEdges" }, this.sheet));
    const lines = (count, length, d) => Array.from({ length: count - 1 }, (_, i) => d(side * (i + 1), length)).join("");
    svgNode("path", { d: lines(figure.width, h, (x, l) => `M${x} 0V${l}`) + lines(figure.height, w, (y, l) => `M0 ${y}H${l}`),
                      stroke: grid, "stroke-opacity": 0.6, fill: "none" }, this.sheet);
    this.frame = svgNode("rect", { "data-only-here": "", width: side, height: side, fill: "none", stroke: this.figure.colour,
                                   "stroke-width": Math.max(2, fontSize() / 6) }, this.sheet);
  }

  // A pen about a twelfth of the sheet wide, whose edge is soft: ink grows where it has been.
  ink(x, y) {
    const { width, height, levels } = this.figure;
    const radius = Math.max(0.75, width / 16);
    for (let j = Math.max(0, Math.floor(y - radius - 1)); j <= Math.min(height - 1, y + radius + 1); j++) {
      for (let i = Math.max(0, Math.floor(x - radius - 1)); i <= Math.min(width - 1, x + radius + 1); i++) {
        const share = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(i + 0.5 - x, j + 0.5 - y)));
        const value = Math.round(share * (levels - 1));
        const k = j * width + i;
        if (this.chosen === 0) this.drawing[k] = Math.max(this.drawing[k], value);
        else this.drawing[k] = Math.min(this.drawing[k], levels - 1 - value);
      }
    }
  }

  begin([x, y]) { this.from = null; this.drag([x, y]); }

  // From where the pen was to where it is, in steps of half a pixel of the raster.
  drag([x, y]) {
    const to = [x / this.side, y / this.side];
    const from = this.from ?? to;
    const count = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
    for (let k = 1; k <= count; k++) this.ink(...[0, 1].map((i) => from[i] + ((to[i] - from[i]) * k) / count));
    this.from = to;
    this.paint();
  }

  end() { this.from = null; }

  handleKey(e) {
    const { width, height, levels } = this.figure;
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (by) {
      this.cursor = this.cursor.map((v, i) => Math.max(0, Math.min([width, height][i] - 1, v + by[i])));
      this.paint();
    } else if (["Enter", " ", "Delete", "Backspace"].includes(e.key)) {
      this.remember();
      const inks = (e.key === "Enter" || e.key === " ") && this.chosen === 0;
      this.drawing[this.cursor[1] * width + this.cursor[0]] = inks ? levels - 1 : 0;
      this.changedSoon();
    } else return false;
    this.keyed = true;
    return true;
  }

  paint() {
    if (!this.pixels) return;
    const { levels } = this.figure;
    this.drawing.forEach((value, k) => this.pixels[k].setAttribute("fill-opacity", value / (levels - 1)));
    const [i, j] = this.cursor;
    this.frame.setAttribute("x", this.side * i);
    this.frame.setAttribute("y", this.side * j);
    this.frame.setAttribute("visibility", document.activeElement === this.sheet && this.keyed !== false ? "visible" : "hidden");
    this.undo.disabled = !this.past.length;
    this.clear.disabled = !this.drawing.some(Boolean);
    this.status.textContent = document.activeElement === this.sheet && this.keyed
      ? `Row ${j + 1}, column ${i + 1}: ${this.drawing[j * this.figure.width + i]} of ${levels - 1}.` : "";
  }

  rows() {
    const { width } = this.figure;
    return [["row", "column", "value"], ...this.drawing.map((value, k) => [Math.floor(k / width), k % width, value])];
  }
}
