// A field for one weight of a network and a box that holds it. What a reader types is sent when it is entered or left.

import { make } from "../tools.js";

const TO_BE_DRAWN = 600;  // milliseconds in which a picture is drawn that came with an answer
let fieldsMade = 0;  // each label names its own input

export class NetworkField {
  // name: [layer, unit, source], counted from 1, source 0 for the bias.
  constructor(label, name, card) {
    this.name = name;
    this.card = card;
    this.root = make("div", "lab-network-field");
    const id = `lab-network-field-${fieldsMade += 1}`;
    const words = this.root.appendChild(make("label", "", label));
    words.htmlFor = id;
    this.input = this.root.appendChild(make("input"));
    Object.assign(this.input, { id, type: "number", step: 0.1, inputMode: "text" });
    this.addHold(`Hold ${label}`, "Hold");
    // Values would slip away under a hand that marks or types them.
    this.input.addEventListener("focus", () => { this.typing = true; this.input.select(); });
    this.input.addEventListener("keydown", (e) => { if (e.key !== "Enter" && e.key !== "Tab") this.typing = true; });
    this.input.addEventListener("input", () => { this.typing = true; });
    this.input.addEventListener("change", () => this.enter());
    this.input.addEventListener("blur", () => { this.typing = false; this.paint(); });
  }

  // A box that holds a whole unit: [layer, unit].
  static whole(name, card) {
    const field = Object.create(NetworkField.prototype);
    Object.assign(field, { name, card, root: make("div", "lab-network-field lab-network-whole") });
    field.addHold("Hold the whole unit", "Hold the whole unit");
    return field;
  }

  addHold(label, text) {
    const words = this.root.appendChild(make("label", "lab-network-hold"));
    this.box = words.appendChild(make("input"));
    this.box.type = "checkbox";
    this.box.setAttribute("aria-label", label);
    words.append(text);
    this.box.addEventListener("change", () => {
      this.card.send("hold", { name: this.name, on: this.box.checked });
      this.paint();
    });
  }

  focus() { (this.input ?? this.box).focus(); }

  enter() {
    this.typing = false;
    const value = this.input.valueAsNumber;
    this.card.send("weight", { name: this.name, value: Number.isFinite(value) ? value : null });
    this.paint();
  }

  // Whether what was sent cannot be seen yet: Python has not answered, or its picture is still to be drawn.
  get waits() {
    const { diagram } = this.card;
    if (this.card.isPending(this.name)) Object.assign(this, { seen: diagram.figure, until: performance.now() + TO_BE_DRAWN });
    return diagram.figure === this.seen && performance.now() < this.until;
  }

  // What has been typed and not entered is not sent.
  forget() { if (this.input) this.input.value = ""; }

  paint() {
    const { diagram } = this.card;
    const [layer, unit, source] = this.name;
    if (this.waits) return;
    this.box.checked = diagram.isHeld(layer, unit - 1, source);
    this.box.disabled = source !== undefined && diagram.isHeld(layer, unit - 1);  // with its unit
    if (!this.input || this.typing) return;
    const value = this.card.value(this.name);
    const text = Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "";
    if (this.input.value !== text) this.input.value = text;
  }
}
