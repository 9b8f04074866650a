// What the two drawing pads share: a row of tools above the sheet, and a drawing that Python is told of at the end of a gesture.

import { make, svgNode } from "../tools.js";
import { copyOf, EchoFilter, Kind } from "./kind.js";

const REST = 400;  // milliseconds after the last key that end a gesture of the keyboard

export class DrawingKind extends Kind {
  constructor(panel) {
    super(panel);
    this.echoes = new EchoFilter();
    this.tools = this.node.appendChild(make("div", "lab-tools"));
    this.choices = this.tools.appendChild(make("span"));
    this.choices.setAttribute("role", "radiogroup");
    this.choices.setAttribute("aria-label", "What a touch draws");
    this.edits = this.tools.appendChild(make("div", "lab-edits"));
    this.undo = this.addButton("Undo", () => this.undoLast());
    this.clear = this.addButton("Clear", () => { this.remember(); this.empty(); this.changed(); });
    this.sheet = this.node.appendChild(svgNode("svg", { class: "lab-sheet-to-draw", tabindex: 0, role: "application" }));
    this.status = this.node.appendChild(make("output", "lab-drawn"));
    this.past = [];
    this.chosen = 0;
    this.sheet.addEventListener("pointerdown", (e) => {
      if (e.button || !e.isPrimary) return;  // of several fingers the first one draws
      this.sheet.setPointerCapture(e.pointerId);
      this.sheet.focus({ preventScroll: true });
      this.keyed = false;
      this.remember();
      this.begin(this.at(e), e);
      this.sheet.dataset.drawing = true;
    });
    this.sheet.addEventListener("pointermove", (e) => { if (e.isPrimary && this.sheet.dataset.drawing) this.drag(this.at(e)); });
    for (const kind of ["pointerup", "pointercancel"]) {
      this.sheet.addEventListener(kind, (e) => {
        if (!e.isPrimary || !this.sheet.dataset.drawing) return;
        delete this.sheet.dataset.drawing;
        this.end();
        this.changed();
      });
    }
    this.sheet.addEventListener("keydown", (e) => {
      if (!this.handleKey(e)) return;
      e.preventDefault();
      e.stopPropagation();
    });
    for (const kind of ["focus", "blur"]) this.sheet.addEventListener(kind, () => { if (this.panel.drawn) this.paint(); });
  }

  addButton(name, does) {
    const button = this.edits.appendChild(make("button", "", name));
    button.addEventListener("click", does);
    return button;
  }

  // names: [text, SVG of its mark or ""] of what a touch may draw.
  setTools(names) {
    const text = JSON.stringify(names);
    if (text === this.named) return;
    this.named = text;
    this.chosen = Math.min(this.chosen, names.length - 1);
    this.choices.replaceChildren(...names.map(([name, mark], i) => {
      const button = make("button");
      button.innerHTML = mark;
      button.append(name);
      button.setAttribute("role", "radio");
      button.addEventListener("click", () => this.selectTool(i));
      button.addEventListener("keydown", (e) => {
        const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
        if (!by) return;
        e.preventDefault();
        e.stopPropagation();
        this.selectTool((i + by + names.length) % names.length);
        this.choices.children[this.chosen].focus();
      });
      return button;
    }));
    this.selectTool(this.chosen);
  }

  selectTool(i) {
    this.chosen = i;
    [...this.choices.children].forEach((button, k) => {
      button.setAttribute("aria-checked", String(k === i));
      button.tabIndex = k === i ? 0 : -1;
    });
  }

  at(e) {
    const box = this.sheet.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
  }

  remember() {
    this.past.push(JSON.stringify(this.drawing));
    if (this.past.length > 50) this.past.shift();
  }

  undoLast() {
    if (!this.past.length) return;
    this.drawing = JSON.parse(this.past.pop());
    this.changed();
  }

  // By the keyboard a gesture ends when the keys rest.
  changedSoon() {
    this.paint();
    clearTimeout(this.sendTimer);
    this.sendTimer = setTimeout(() => this.changed(), REST);
  }

  changed() {
    clearTimeout(this.sendTimer);
    this.paint();
    const now = JSON.stringify(this.drawing);
    if (now === (this.last ?? this.echoes.received)) {
      if (this.past.at(-1) === now) this.past.pop();
      return;
    }
    this.last = now;
    this.echoes.sent(this.drawing);
    this.panel.send("drawn", { drawing: this.drawing });
  }

  // What Python sends is taken over unless it answers what was drawn here.
  receive(given) {
    if (!this.echoes.isNew(given)) return;
    this.last = null;
    this.past = [];
    this.drawing = structuredClone(given);
  }

  draw() { this.resize(); }

  resize() {
    const width = this.node.clientWidth;
    if (!width) return;  // hidden; it is drawn when it is shown
    const beside = this.node.classList.contains("lab-tools-beside");
    const height = this.node.clientHeight - this.status.offsetHeight - (beside ? 0 : this.tools.offsetHeight) - 6;
    this.layout(width - (beside ? this.tools.offsetWidth : 0), Math.max(80, height));
    this.paint();
  }

  svg(width, height) {
    const { width: w, height: h } = this.sheet.viewBox.baseVal;
    const scale = Math.min(width / w, height / h);
    return copyOf(this.sheet, scale * w, scale * h);
  }

  close() { clearTimeout(this.sendTimer); }
}
