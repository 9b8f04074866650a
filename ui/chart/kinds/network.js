// Layers of units and the weights between them: figures/kinds.py, NetworkDiagram. What is told of the unit under the pointer, and
// the fields for its weights, are in network_card.js.

import { fontSize, make, putArrays, svgNode } from "../tools.js";
import { atFrame, copyOf, Kind, levelsToUrl, numberText, paletteOf } from "./kind.js";
import { NetworkCard, rangeText } from "./network_card.js";
import { drawHeld } from "./network_held.js";

const PALE = 0.12, NEAR = 7, NEAR_FINGER = 14;  // of what steps back; pixels from a line at which the pointer is on it

export class NetworkDiagram extends Kind {
  constructor(panel) {
    super(panel);
    this.root = this.node.appendChild(svgNode("svg", { class: "lab-network" }));
    this.status = this.node.appendChild(make("output", "lab-network-status"));
    this.card = new NetworkCard(this);
    this.frame = 0;
    this.listen();
  }

  show(figure, numbers) {
    super.show(figure);
    putArrays(figure, numbers);
    this.held = new Set(figure.held.map((name) => name.join(".")));
    // Where only numbers have changed the nodes stay, and with them what the pointer is on.
    const plan = JSON.stringify([figure.layers.map(({ name, units, images }) => [name, units, Boolean(images)]), figure.positive, figure.scale,
                                 figure.editable, this.colours]);
    if (plan === this.plan) return;
    this.plan = plan;
    this.palette = paletteOf(figure.scale);
    this.built = false;
  }

  // A saved file has nobody to tell.
  get editable() { return this.figure.editable && Boolean(this.board.head.session); }

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
    const { layers, weights } = this.figure;
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.unit : null;
    for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, "font-family": this.board.family,
                                                "font-size": 0.9 * size })) this.root.setAttribute(key, value);
    const pictured = layers.some(({ images }) => images);
    // Names stand beside the outer units. See buildUnit for their place and size.
    const letters = Math.max(...[layers[0], layers.at(-1)].flatMap(({ units }) => units.map((name) => name.length)));
    const top = 2 * size, foot = 3.4 * size, side = (pictured ? Math.max(5.6, 3.1 + 0.52 * letters) : 4) * size;
    const most = Math.max(...layers.map(({ units }) => units.length));
    const between = (height - top - foot) / most;
    const across = layers.length > 1 ? (width - 2 * side) / (layers.length - 1) : width;
    this.radius = Math.max(3, Math.min(pictured ? 2.6 * size : 1.15 * size, (pictured ? 0.44 : 0.38) * between, 0.4 * across));
    const place = (l, u) => [
      layers.length > 1 ? side + l * across : width / 2,
      top + (height - top - foot) * ((u + 0.5) / layers[l].units.length)];
    this.root.replaceChildren();
    this.lines = weights.flatMap((frames, l) => Array.from(frames[0]).flatMap((row, to) => Array.from(row, (_, from) => {
      const [[x1, y1], [x2, y2]] = [place(l, from), place(l + 1, to)];
      return { l, from, to, x1, y1, x2, y2, node: svgNode("line", { x1, y1, x2, y2 }, this.root), set: {} };
    })));
    this.marks = svgNode("g", {}, this.root);  // of held weights
    this.units = layers.flatMap((layer, l) => layer.units.map((name, u) => this.buildUnit(layer, l, name, u, place(l, u))));
    // Names of many layers stand apart.
    const type = Math.min(0.9 * size, across / (0.6 * Math.max(...layers.map(({ name }) => name.length))));
    layers.forEach(({ name }, l) => {
      svgNode("text", { x: place(l, 0)[0], y: 1.1 * size, fill: this.colours.ink, "text-anchor": "middle", "font-size": type },
              this.root).textContent = name;
    });
    this.legend = svgNode("g", {}, this.root);
    this.heldDrawn = null;
    (this.units.find(({ node }) => node.dataset.unit === focused) ?? this.units[0]).node.setAttribute("tabindex", 0);
    this.card.place();
    if (focused) this.root.querySelector(`[data-unit="${focused}"]`)?.focus();
  }

  buildUnit(layer, l, name, u, [x, y]) {
    const { ink, paper } = this.colours;
    const { size, radius: r } = this;
    const { layers } = this.figure;
    const pressed = this.panel.spec.click || (this.editable && l > 0);
    const node = svgNode("g", { "data-unit": `${l}:${u}`, tabindex: -1, role: pressed ? "button" : "img" }, this.root);
    svgNode("circle", { cx: x, cy: y, r, fill: paper }, node);
    const disc = svgNode("circle", { cx: x, cy: y, r, stroke: ink, "stroke-width": 1.5 }, node);
    const square = (by) => ({ x: x - r - by, y: y - r - by, width: 2 * (r + by), height: 2 * (r + by) });
    const image = layer.images && svgNode("image", { ...square(0), preserveAspectRatio: "none" }, node);
    if (image) svgNode("rect", { ...square(0), fill: "none", stroke: ink, "stroke-width": 1.5 }, node);
    const by = Math.max(2, Math.min(0.25 * size, 0.4 * r));
    const about = { fill: "none", stroke: ink, "stroke-width": 1.5, visibility: "hidden", "data-held": "" };
    const outline = image ? svgNode("rect", { ...square(by), ...about }, node) : svgNode("circle", { cx: x, cy: y, r: r + by, ...about }, node);
    const d = 0.75 * r;
    const cross = svgNode("path", { d: `M${x - d} ${y - d}L${x + d} ${y + d}M${x + d} ${y - d}L${x - d} ${y + d}`, stroke: ink, "stroke-width": 2 }, node);
    // A name stands in its unit where it fits, beside it in the outer layers, and is told on the way over it otherwise.
    const within = !image && name.length * 0.5 * size < 1.7 * r && 0.85 * size < 2 * r;
    const outer = l === 0 ? -1 : l === layers.length - 1 ? 1 : 0;
    if (within || outer) {
      svgNode("text", { x: within ? x : x + outer * (r + 0.5 * size), y: y + 0.32 * size, fill: ink, "text-anchor": within ? "middle" : outer < 0 ? "end" : "start" },
              node).textContent = name;
    }
    return { l, u, x, y, name, node, disc, cross, image, outline, set: {} };
  }

  // Layers, units and inputs are counted from 0 here; layer l lies before layer l + 1.
  weight({ l, from, to }) { return atFrame(this.figure.weights[l], this.frame)[to][from]; }

  bias(l, u) {
    const frames = this.figure.biases[l - 1];
    return frames ? atFrame(frames, this.frame)[u] : null;
  }

  // What a layer has of a unit: its value, image, range, or whether it is dropped; null where it has none.
  of(what, l, u) {
    const frames = this.figure.layers[l][what];
    return frames ? atFrame(frames, this.frame)[u] : null;
  }

  // Whether a unit is held, or one of its weights: source 0 is the bias, others are inputs counted from 1.
  isHeld(l, u, source) {
    return this.held.has(`${l}.${u + 1}`) || (source !== undefined && this.held.has(`${l}.${u + 1}.${source}`));
  }

  paint() {
    const { layers } = this.figure;
    const held = String([...this.held]);
    if (held !== this.heldDrawn) drawHeld(this);
    this.heldDrawn = held;
    for (const line of this.lines) this.paintLine(line);
    for (const unit of this.units) {
      const { l, u, set } = unit;
      const away = Boolean(this.of("dropped", l, u));
      const v = this.of("values", l, u);
      if (v !== null) {
        const most = Math.max(1e-12, ...layers[l].values.map((row) => Math.max(...Array.from(row, Math.abs))));
        setChanged(unit.disc, set, { fill: v < 0 ? this.figure.negative : this.figure.positive, "fill-opacity": (0.8 * Math.abs(v)) / most });
      } else setChanged(unit.disc, set, { fill: this.colours.paper });
      const levels = unit.image && this.of("images", l, u);
      if (levels && (levels !== set.levels || this.palette !== set.palette)) {
        unit.image.setAttribute("href", levelsToUrl(levels, this.palette));
        Object.assign(set, { levels, palette: this.palette });
      }
      setChanged(unit.cross, set, { visibility: away ? "visible" : "hidden" });
      setChanged(unit.node, set, { opacity: away ? 0.45 : 1, "data-dropped": away, "aria-label": this.describeUnit(unit) });
    }
    this.tell();
  }

  paintLine(line) {
    const { positive, negative, limit } = this.figure;
    const on = this.highlighted;
    const w = this.weight(line);
    const share = Math.min(1, Math.abs(w) / limit);
    const away = this.of("dropped", line.l, line.from) || this.of("dropped", line.l + 1, line.to);
    const ofUnit = on?.unit && ((on.unit.l === line.l && on.unit.u === line.from) || (on.unit.l === line.l + 1 && on.unit.u === line.to));
    const back = on && on.line !== line && !ofUnit;
    setChanged(line.node, line.set, {
      stroke: w < 0 ? negative : positive, "stroke-dasharray": w < 0 ? "5 3" : "none",
      "stroke-width": (0.5 + Math.max(2.5, 0.45 * this.size) * share).toFixed(2),
      "stroke-opacity": away || back ? PALE : (0.35 + 0.65 * share).toFixed(2), visibility: w === 0 ? "hidden" : "visible" });
  }

  tell() {
    const on = this.highlighted;
    this.card.paint();
    const text = on?.line ? this.describeLine(on.line) : on?.unit && !this.card.tells(on.unit) ? this.describeUnit(on.unit) : "";
    if (text !== this.status.textContent) this.status.textContent = text;
  }

  describeUnit(unit) {
    const { l, u } = unit;
    const v = this.of("values", l, u), bias = this.bias(l, u), range = this.of("ranges", l, u);
    const parts = [`${this.figure.layers[l].name}: ${unit.name}${v === null ? "" : ` = ${numberText(v)}`}`, range && rangeText(range),
                   bias === null ? "" : `bias ${numberText(bias)}`, this.isHeld(l, u) && "held", this.of("dropped", l, u) && "dropped"];
    return parts.filter(Boolean).join(", ");
  }

  describeLine(line) {
    const { layers } = this.figure;
    const held = this.isHeld(line.l + 1, line.to, line.from + 1) ? ", held" : "";
    return `${layers[line.l].units[line.from]} → ${layers[line.l + 1].units[line.to]}: weight ${numberText(this.weight(line))}${held}`;
  }

  highlight(on) {
    if (on?.unit === this.highlighted?.unit && on?.line === this.highlighted?.line) return;
    this.highlighted = on;
    for (const line of this.lines ?? []) this.paintLine(line);
    this.tell();
  }

  unitOf(node) { return this.units?.find((unit) => unit.node === node?.closest?.("[data-unit]")); }

  lineAt(e, reach) {
    const box = this.root.getBoundingClientRect();
    return (this.lines ?? []).map((line) => [distance(line, e.clientX - box.left, e.clientY - box.top), line])
      .filter(([far, line]) => far < reach && this.weight(line) !== 0).sort((a, b) => a[0] - b[0])[0]?.[1];
  }

  listen() {
    // A finger is on nothing before it taps, and leaves what it tapped as it was.
    const byFinger = (e) => e.pointerType === "touch";
    this.root.addEventListener("pointermove", (e) => {
      if (byFinger(e)) return;
      const unit = this.unitOf(e.target);
      const line = unit ? null : this.lineAt(e, NEAR);
      this.highlight(unit ? { unit } : line ? { line } : null);
    });
    this.root.addEventListener("pointerleave", (e) => { if (!byFinger(e)) this.highlight(null); });
    this.root.addEventListener("pointerdown", (e) => {
      this.byTap = byFinger(e);
      this.tapped = this.highlighted?.unit;
    });
    this.onEscape = (e) => { if (e.key === "Escape" && !this.card.close()) this.highlight(null); };
    document.addEventListener("keydown", this.onEscape);
    // Heard one level up: Chromium makes a drawing that listens to focus a stop of the tabulator.
    const unitIn = (e) => this.root.contains(e.target) && this.unitOf(e.target);
    this.node.addEventListener("focusin", (e) => { if (unitIn(e)) this.highlight({ unit: unitIn(e) }); });
    this.node.addEventListener("focusout", (e) => { if (unitIn(e)) this.highlight(null); });
    this.root.addEventListener("click", (e) => {
      const unit = this.unitOf(e.target);
      const line = unit ? null : this.lineAt(e, this.byTap ? NEAR_FINGER : NEAR);
      this.highlight(unit ? { unit } : line ? { line } : null);
      if (unit) this.panel.click([unit.l, unit.u]);
      // The first tap shows what a pointer would show, the second is a click.
      if (this.editable && !(this.byTap && unit?.image && this.tapped !== unit && !this.card.target)) this.card.open(unit, line);
    });
    this.root.addEventListener("keydown", (e) => {
      const unit = this.unitOf(e.target);
      if (unit && this.handleKey(e.key, unit)) { e.preventDefault(); e.stopPropagation(); }
    });
  }

  handleKey(key, unit) {
    if (key === "Escape") return this.card.close() || (this.highlight(null), true);
    if (key === "Enter" || key === " ") {
      this.panel.click([unit.l, unit.u]);
      if (this.editable) this.card.open(unit, null, true);
      return Boolean(this.panel.spec.click || this.editable);
    }
    const by = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[key];
    if (!by) return false;
    const { layers } = this.figure;
    const l = Math.max(0, Math.min(layers.length - 1, unit.l + by[0]));
    const u = Math.max(0, Math.min(layers[l].units.length - 1, unit.u + by[1]));
    this.focusUnit(l, u);
    return true;
  }

  focusUnit(l, u) {
    for (const unit of this.units) unit.node.setAttribute("tabindex", unit.l === l && unit.u === u ? 0 : -1);
    this.units.find((unit) => unit.l === l && unit.u === u)?.node.focus();
  }

  close() {
    document.removeEventListener("keydown", this.onEscape);
    this.card.close();
  }

  svg(width, height) { return copyOf(this.root, width, height); }

  rows() {
    const { layers, weights, biases } = this.figure;
    const out = [["layer", "from", "to", "weight", "frame"]];
    weights.forEach((frames, l) => frames.forEach((rows, f) => rows.forEach((row, to) => row.forEach((w, from) => {
      out.push([layers[l + 1].name, layers[l].units[from], layers[l + 1].units[to], w, f]);
    }))));
    biases.forEach((frames, l) => frames.forEach((row, f) => row.forEach((b, to) => {
      out.push([layers[l + 1].name, "bias", layers[l + 1].units[to], b, f]);
    })));
    return out;
  }
}

// Sets the attributes that are not as they were set last.
function setChanged(node, set, about) {
  for (const key in about) {
    if (set[key] === about[key]) continue;
    set[key] = about[key];
    node.setAttribute(key, about[key]);
  }
}

// Of a point from a piece of a line.
function distance({ x1, y1, x2, y2 }, x, y) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const t = Math.max(0, Math.min(1, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(x - x1 - t * dx, y - y1 - t * dy);
}
