// Layers of units and the weights between them: figures/kinds.py, NetworkDiagram.

import { fontSize, make, putArrays, svgNode } from "../tools.js";
import { atFrame, copyOf, Kind, levelsToUrl, numberText, paletteOf } from "./kind.js";

const PALE = 0.12, NEAR = 7;  // of what steps back; pixels from a line at which the pointer is on it

export class NetworkDiagram extends Kind {
  constructor(panel) {
    super(panel);
    this.root = this.node.appendChild(svgNode("svg", { class: "lab-network" }));
    this.status = this.node.appendChild(make("output", "lab-network-status"));
    this.frame = 0;
    this.listen();
  }

  show(figure, numbers) {
    super.show(figure);
    putArrays(figure, numbers);
    this.palette = paletteOf(figure.scale);
    // Where only numbers have changed the nodes stay, and with them what the pointer is on.
    const plan = JSON.stringify([figure.layers.map(({ name, units, images }) => [name, units, Boolean(images)]), figure.positive, this.colours]);
    if (plan !== this.plan) this.built = false;
    this.plan = plan;
  }

  draw(frame) {
    this.frame = frame;
    const { clientWidth: width, clientHeight: height } = this.node;
    if (!width) return;  // hidden; it is drawn when it is shown
    if (!this.built || this.box?.[0] !== width || this.box?.[1] !== height || this.size !== fontSize()) this.build(width, height);
    this.paint();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.node;
    if (!width || (this.box?.[0] === width && this.box?.[1] === height)) return;
    this.build(width, height);
    this.paint();
  }

  build(width, height) {
    this.built = true;
    this.highlighted = null;  // of nodes that go
    this.box = [width, height];
    const size = this.size = fontSize();
    const { layers, weights, positive, negative } = this.figure;
    const { ink, paper } = this.colours;
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.unit : null;
    for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, "font-family": this.board.family,
                                                "font-size": 0.9 * size })) this.root.setAttribute(key, value);
    const pictured = layers.some(({ images }) => images);
    const top = 2 * size, foot = 3.4 * size, side = (pictured ? 5.6 : 4) * size;
    const most = Math.max(...layers.map(({ units }) => units.length));
    const between = (height - top - foot) / most;
    this.radius = Math.max(3, Math.min(pictured ? 2.6 * size : 1.15 * size, (pictured ? 0.44 : 0.38) * between));
    const place = (l, u) => [
      layers.length > 1 ? side + (l * (width - 2 * side)) / (layers.length - 1) : width / 2,
      top + (height - top - foot) * ((u + 0.5) / layers[l].units.length)];
    this.root.replaceChildren();
    this.lines = weights.flatMap((frames, l) => Array.from(frames[0]).flatMap((row, to) => Array.from(row, (_, from) => {
      const [[x1, y1], [x2, y2]] = [place(l, from), place(l + 1, to)];
      return { l, from, to, x1, y1, x2, y2, node: svgNode("line", { x1, y1, x2, y2 }, this.root) };
    })));
    this.units = layers.flatMap((layer, l) => layer.units.map((name, u) => {
      const [x, y] = place(l, u);
      const node = svgNode("g", { "data-unit": `${l}:${u}`, tabindex: -1, role: this.panel.spec.click ? "button" : "img" }, this.root);
      svgNode("circle", { cx: x, cy: y, r: this.radius, fill: paper }, node);
      const disc = svgNode("circle", { cx: x, cy: y, r: this.radius, stroke: ink, "stroke-width": 1.5 }, node);
      const r = this.radius;
      const image = layer.images && svgNode("image", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, preserveAspectRatio: "none" }, node);
      if (image) svgNode("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, fill: "none", stroke: ink, "stroke-width": 1.5 }, node);
      const d = 0.75 * this.radius;
      const cross = svgNode("path", { d: `M${x - d} ${y - d}L${x + d} ${y + d}M${x + d} ${y - d}L${x - d} ${y + d}`, stroke: ink, "stroke-width": 2 }, node);
      // A name stands in its unit where it fits, beside it in the outer layers, and is told on the way over it otherwise.
      const within = !image && name.length * 0.5 * size < 1.7 * this.radius && 0.85 * size < 2 * this.radius;
      const outer = l === 0 ? -1 : l === layers.length - 1 ? 1 : 0;
      if (within || outer) {
        svgNode("text", { x: within ? x : x + outer * (this.radius + 0.35 * size), y: y + 0.32 * size, fill: ink, "text-anchor": within ? "middle" : outer < 0 ? "end" : "start" },
                node).textContent = name;
      }
      return { l, u, x, y, name, node, disc, cross, image };
    }));
    layers.forEach(({ name }, l) => {
      svgNode("text", { x: place(l, 0)[0], y: 1.1 * size, fill: ink, "text-anchor": "middle" }, this.root).textContent = name;
    });
    this.drawLegend(width, height - 1.9 * size, size, { positive, negative, ink });
    (this.units.find(({ node }) => node.dataset.unit === focused) ?? this.units[0]).node.setAttribute("tabindex", 0);
    if (focused) this.root.querySelector(`[data-unit="${focused}"]`)?.focus();
  }

  drawLegend(width, y, size, { positive, negative, ink }) {
    const entries = [["positive weight", positive, ""], ["negative", negative, "5 3"]];
    let x = Math.max(4, width / 2 - 9.5 * size);
    for (const [label, stroke, dash] of entries) {
      svgNode("line", { x1: x, x2: x + 1.8 * size, y1: y, y2: y, stroke, "stroke-width": 3, "stroke-dasharray": dash }, this.root);
      svgNode("text", { x: x + 2.2 * size, y: y + 0.3 * size, fill: ink }, this.root).textContent = label;
      x += (3.4 + 0.5 * label.length) * size;
    }
    svgNode("text", { x, y: y + 0.3 * size, fill: ink }, this.root).textContent = "wider: larger";
  }

  weight({ l, from, to }) { return atFrame(this.figure.weights[l], this.frame)[to][from]; }

  value({ l, u }) {
    const { values } = this.figure.layers[l];
    return values ? atFrame(values, this.frame)[u] : null;
  }

  dropped(l, u) {
    const { dropped } = this.figure.layers[l];
    return Boolean(dropped && atFrame(dropped, this.frame)[u]);
  }

  paint() {
    const { positive, negative, limit, layers } = this.figure;
    const { paper } = this.colours;
    const widest = Math.max(2.5, 0.45 * this.size);
    const on = this.highlighted;
    for (const line of this.lines) {
      const w = this.weight(line);
      const share = Math.min(1, Math.abs(w) / limit);
      const away = this.dropped(line.l, line.from) || this.dropped(line.l + 1, line.to);
      const back = on && !(on.line === line || (on.unit && [`${line.l}:${line.from}`, `${line.l + 1}:${line.to}`].includes(on.unit.node.dataset.unit)));
      const about = { stroke: w < 0 ? negative : positive, "stroke-dasharray": w < 0 ? "5 3" : "none", "stroke-width": 0.5 + widest * share,
                      "stroke-opacity": away || back ? PALE : 0.35 + 0.65 * share, visibility: w === 0 ? "hidden" : "visible" };
      for (const [key, value] of Object.entries(about)) line.node.setAttribute(key, value);
    }
    for (const unit of this.units) {
      const away = this.dropped(unit.l, unit.u);
      const v = this.value(unit);
      const most = v === null ? 1 : Math.max(1e-12, ...layers[unit.l].values.map((row) => Math.max(...Array.from(row, Math.abs))));
      unit.disc.setAttribute("fill", v === null ? paper : v < 0 ? negative : positive);
      unit.disc.setAttribute("fill-opacity", v === null ? 1 : (0.8 * Math.abs(v)) / most);
      unit.image?.setAttribute("href", levelsToUrl(atFrame(layers[unit.l].images, this.frame)[unit.u], this.palette));
      unit.cross.setAttribute("visibility", away ? "visible" : "hidden");
      unit.node.setAttribute("opacity", away ? 0.45 : 1);
      unit.node.dataset.dropped = away;
      unit.node.setAttribute("aria-label", this.describeUnit(unit));
    }
    this.status.textContent = on ? (on.unit ? this.describeUnit(on.unit) : this.describeLine(on.line)) : "";
  }

  describeUnit(unit) {
    const v = this.value(unit);
    const layer = this.figure.layers[unit.l].name;
    return `${layer}: ${unit.name}${v === null ? "" : ` = ${numberText(v)}`}${this.dropped(unit.l, unit.u) ? ", dropped" : ""}`;
  }

  describeLine(line) {
    const { layers } = this.figure;
    return `${layers[line.l].units[line.from]} → ${layers[line.l + 1].units[line.to]}: weight ${numberText(this.weight(line))}`;
  }

  highlight(on) {
    if (on?.unit === this.highlighted?.unit && on?.line === this.highlighted?.line) return;
    this.highlighted = on;
    this.paint();
  }

  listen() {
    const unitOf = (node) => this.units?.find((unit) => unit.node === node?.closest?.("[data-unit]"));
    this.root.addEventListener("pointermove", (e) => {
      const unit = unitOf(e.target);
      if (unit) return this.highlight({ unit });
      const box = this.root.getBoundingClientRect();
      const near = (this.lines ?? []).map((line) => [distance(line, e.clientX - box.left, e.clientY - box.top), line])
        .filter(([far, line]) => far < NEAR && this.weight(line) !== 0).sort((a, b) => a[0] - b[0])[0];
      this.highlight(near ? { line: near[1] } : null);
    });
    this.root.addEventListener("pointerleave", () => this.highlight(null));
    this.root.addEventListener("focusin", (e) => this.highlight({ unit: unitOf(e.target) }));
    this.root.addEventListener("focusout", () => this.highlight(null));
    const press = (unit) => unit && this.panel.click([unit.l, unit.u]);
    this.root.addEventListener("click", (e) => press(unitOf(e.target)));
    this.root.addEventListener("keydown", (e) => {
      const unit = unitOf(e.target);
      if (unit && (e.key === "Enter" || e.key === " ") && this.panel.spec.click) { e.preventDefault(); e.stopPropagation(); return press(unit); }
      const by = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[e.key];
      if (!unit || !by) return;
      e.preventDefault();
      e.stopPropagation();
      const { layers } = this.figure;
      const l = Math.max(0, Math.min(layers.length - 1, unit.l + by[0]));
      const u = Math.max(0, Math.min(layers[l].units.length - 1, unit.u + by[1]));
      const next = this.units.find((one) => one.l === l && one.u === u);
      unit.node.setAttribute("tabindex", -1);
      next.node.setAttribute("tabindex", 0);
      next.node.focus();
    });
  }

  svg(width, height) { return copyOf(this.root, width, height); }

  rows() {
    const { layers, weights } = this.figure;
    const out = [["layer", "from", "to", "weight", "frame"]];
    weights.forEach((frames, l) => frames.forEach((rows, f) => rows.forEach((row, to) => row.forEach((w, from) => {
      out.push([layers[l + 1].name, layers[l].units[from], layers[l + 1].units[to], w, f]);
    }))));
    return out;
  }
}

// Of a point from a piece of a line.
function distance({ x1, y1, x2, y2 }, x, y) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const t = Math.max(0, Math.min(1, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(x - x1 - t * dx, y - y1 - t * dy);
}
