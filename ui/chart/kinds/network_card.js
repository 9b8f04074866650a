// What is told of a unit of a network beside it: its response large, its range and its bias. A click turns the card into fields
// in which weights are written and held; those in which nobody types follow the run.

import { make } from "../tools.js";
import { NetworkField } from "./network_field.js";
import { numberText } from "./kind.js";

const WIDE = 10, WIDEST = 18, FIELDS = 17;  // of the picture and of the fields, in letters as high as the network's
const ANSWERED = 250;  // milliseconds between two looks whether Python has answered, which may change no picture
const GAP = 8;  // pixels between the card and what it tells of

export class NetworkCard {
  constructor(diagram) {
    this.diagram = diagram;
    this.root = diagram.node.appendChild(make("div", "lab-network-card"));
    this.root.hidden = true;
    this.title = this.root.appendChild(make("strong"));
    this.end = this.root.appendChild(make("button", "lab-network-close", "×"));
    this.end.setAttribute("aria-label", "Close");
    this.end.addEventListener("click", () => { this.close(); diagram.highlight(null); });
    this.head = this.root.appendChild(make("div", "lab-network-head"));
    this.look = this.head.appendChild(make("div", "lab-network-look"));
    this.up = this.look.appendChild(make("span", "lab-network-up"));
    this.canvas = this.look.appendChild(make("canvas"));
    this.across = this.look.appendChild(make("span", "lab-network-across"));
    this.told = this.head.appendChild(make("div", "lab-network-told"));
    this.fields = this.root.appendChild(make("div", "lab-network-fields"));
    this.note = this.root.appendChild(make("p", "lab-network-note"));
    this.target = null;  // of the fields: [layer, unit] of a unit and [layer, unit, source] of a weight, all counted from 1
    this.root.addEventListener("keydown", (e) => {
      e.stopPropagation();
      if (e.key === "Escape") { e.preventDefault(); this.close(); }
    });
  }

  // One size for all units, which leaves each of them free on one side, so that nothing jumps.
  place() {
    const { box: [width, height], radius, size, units } = this.diagram;
    const free = Math.min(...units.map(({ x }) => Math.max(x, width - x))) - radius - GAP;
    this.side = Math.max(WIDE * size, Math.min(WIDEST * size, free - 2.6 * size, height - 11 * size));
    this.root.style.fontSize = `${0.9 * size}px`;
    this.root.style.setProperty("--picture", `${this.side}px`);
    this.stand = null;
    if (this.target && !this.find()) this.close();
  }

  // The unit that the target is or leads into, if there is such a one.
  find() {
    const [layer, unit, source] = this.target;
    const found = this.diagram.units.find(({ l, u }) => l === layer && u === unit - 1);
    return source > this.diagram.figure.layers[layer - 1]?.units.length ? null : found;
  }

  // Whether the card tells what there is to be told of a unit.
  tells(unit) { return !this.root.hidden && this.shown === unit; }

  // It opens where a unit or a line is that leads into one; elsewhere it closes. byKeys: the hand goes on in the first field.
  open(unit, line, byKeys = false) {
    const { diagram } = this;
    const target = line ? [line.l + 1, line.to + 1, line.from + 1] : unit?.l > 0 ? [unit.l, unit.u + 1] : null;
    if (!target) return this.close();
    this.target = target;
    this.sent = false;
    this.stand = null;
    this.fields.replaceChildren();
    this.rows = [];
    const [layer, u] = target;
    const inputs = diagram.figure.layers[layer - 1].units;
    const row = (label, name, parent = this.fields) => {
      const field = new NetworkField(label, name, this);
      this.rows.push(field);
      parent.append(field.root);
    };
    if (line) row("weight", target);
    else {
      if (diagram.bias(layer, u - 1) !== null) row("bias", [...target, 0]);
      const list = this.fields.appendChild(make("div", "lab-network-list"));
      inputs.forEach((name, from) => row(`from ${name}`, [...target, from + 1], list));
      this.rows.push(NetworkField.whole(target, this));
      this.fields.append(this.rows.at(-1).root);
    }
    this.paint();
    clearInterval(this.watch);
    this.watch = setInterval(() => this.paint(), ANSWERED);
    if (byKeys) this.rows[0].focus();
  }

  // Returns whether it was open.
  close() {
    if (!this.target) return false;
    clearInterval(this.watch);
    const back = this.root.contains(document.activeElement) ? this.target : null;
    for (const row of this.rows) row.forget();
    this.target = this.rows = null;
    this.fields.replaceChildren();
    this.stand = null;
    if (back) this.diagram.focusUnit(back[0], back[1] - 1);
    this.paint();
    return true;
  }

  send(event, value) {
    this.sent = true;
    this.diagram.panel.send(event, value);
  }

  // Whether Python has not answered what was done to a weight.
  isPending(name) { return this.diagram.board.events.some((event) => String(event.name) === String(name)); }

  value([layer, unit, source]) {
    return source ? this.diagram.weight({ l: layer - 1, from: source - 1, to: unit - 1 }) : this.diagram.bias(layer, unit - 1);
  }

  paint() {
    const { diagram } = this;
    const { layers, axes } = diagram.figure;
    const open = Boolean(this.target);
    const unit = open ? this.find() : diagram.highlighted?.unit;
    const levels = unit && !(open && this.target.length === 3) && diagram.of("images", unit.l, unit.u);
    this.shown = unit;
    this.root.hidden = !open && !levels;
    if (this.root.hidden) return;
    putAttribute(this.root, "role", open ? "dialog" : "tooltip");
    putAttribute(this.root, "data-open", String(open));
    this.end.hidden = this.fields.hidden = !open;
    const name = open && this.target.length === 3
      ? `${layers[unit.l - 1].units[this.target[2] - 1]} → ${layers[unit.l].name}: ${unit.name}` : `${layers[unit.l].name}: ${unit.name}`;
    putText(this.title, name);
    putAttribute(this.root, "aria-label", open ? `Weights of ${name}` : name);
    this.head.hidden = !levels;
    if (levels) this.drawLevels(levels);
    putText(this.across, axes[0]);
    putText(this.up, axes[1]);
    const [range, bias] = [diagram.of("ranges", unit.l, unit.u), diagram.bias(unit.l, unit.u)];
    const held = diagram.isHeld(unit.l, unit.u) ? "held" : "";
    const told = [range && rangeText(range), !open && bias !== null && `bias ${numberText(bias)}`, !open && held];
    putText(this.told, levels ? told.filter(Boolean).join("\n") : "");
    const hint = diagram.byTap ? "Tap again: change its weights." : "Click, or Enter: change its weights.";
    putText(this.note, open ? (this.sent && diagram.board.head.notices?.at(-1)) || "" : diagram.editable && unit.l > 0 ? hint : "");
    for (const row of this.rows ?? []) row.paint();
    this.stay(unit);
  }

  // It stays on its side unless it would cover what it tells of.
  stay({ x }) {
    const { box: [width], radius, size } = this.diagram;
    const open = Boolean(this.target);
    const wide = open ? Math.min(width, FIELDS * size) : this.side + 2.6 * size;
    const covers = { left: x - radius - GAP < wide, right: x + radius + GAP > width - wide };
    if (!this.stand || covers[this.stand]) this.stand = x < width / 2 ? "right" : "left";
    putAttribute(this.root, "data-stand", this.stand);
    this.root.style.width = `${wide}px`;
  }

  drawLevels(levels) {
    const { canvas, diagram: { palette } } = this;
    const [width, height] = [levels[0].length, levels.length];
    if (levels === this.drawnLevels && palette === this.drawnPalette) return;
    Object.assign(this, { drawnLevels: levels, drawnPalette: palette });
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const words = new Uint32Array(width * height);
    levels.forEach((row, y) => row.forEach((level, x) => { words[y * width + x] = palette[level]; }));
    canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(words.buffer), width, height), 0, 0);
  }
}

export const rangeText = ([low, high]) => `from ${numberText(low, 2)} to ${numberText(high, 2)}`;

function putText(node, text) { if (node.textContent !== text) node.textContent = text; }
function putAttribute(node, name, value) { if (node.getAttribute(name) !== value) node.setAttribute(name, value); }
