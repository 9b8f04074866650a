// Predict, then reveal: a question that covers the pictures until the reader has answered it or asked to be shown.

import { Panel } from "./panel.js";
import { Progress } from "./progress.js";
import { make, svgNode } from "./tools.js";

// Axes on which a curve is drawn with the finger, or with the arrow keys: left and right choose a place, up and down move it.
class CurveInput {
  constructor(spec) {
    this.spec = spec;
    this.heights = spec.x.map(() => (spec.low + spec.high) / 2);
    this.at = 0;
    this.touched = false;
    this.root = svgNode("svg", { viewBox: "0 0 640 250", class: "lab-curve", tabindex: 0, role: "slider",
                               "aria-label": `Your curve: ${spec.y_title} against ${spec.x_title}. Left and right choose a place, up and down move it.` });
    svgNode("rect", { x: 56, y: 8, width: 576, height: 200, class: "lab-curve-frame" }, this.root);
    const text = (x, y, words, anchor, turn) => {
      const node = svgNode("text", { x, y, "text-anchor": anchor, ...(turn ? { transform: `rotate(-90 ${x} ${y})` } : {}) }, this.root);
      node.textContent = words;
    };
    const short = (v) => Number(v.toPrecision(3)).toString();
    text(56, 228, short(spec.x[0]), "middle"); text(632, 228, short(spec.x.at(-1)), "end"); text(344, 244, spec.x_title, "middle");
    text(50, 18, short(spec.high), "end"); text(50, 208, short(spec.low), "end"); text(16, 108, spec.y_title, "middle", true);
    this.truth = svgNode("path", { class: "lab-curve-truth" }, this.root);
    this.path = svgNode("path", { class: "lab-curve-line" }, this.root);
    this.dot = svgNode("circle", { r: 6, class: "lab-curve-dot" }, this.root);
    this.root.addEventListener("pointerdown", (e) => { this.root.setPointerCapture(e.pointerId); this.last = null; this.drag(e); });
    this.root.addEventListener("pointermove", (e) => { if (e.buttons) this.drag(e); });
    this.root.addEventListener("keydown", (e) => this.handleKey(e));
    this.update();
  }

  x(i) { const { x } = this.spec; return 56 + (576 * (x[i] - x[0])) / (x.at(-1) - x[0]); }
  y(v) { return 208 - (200 * (v - this.spec.low)) / (this.spec.high - this.spec.low); }

  // Every place between two reports of the pointer gets a height, so that a quick stroke leaves no gap.
  drag(e) {
    const point = new DOMPoint(e.clientX, e.clientY).matrixTransform(this.root.getScreenCTM().inverse());
    const { low, high, x } = this.spec;
    const value = Math.min(high, Math.max(low, low + ((208 - point.y) / 200) * (high - low)));
    const near = x.reduce((best, _, i) => (Math.abs(this.x(i) - point.x) < Math.abs(this.x(best) - point.x) ? i : best), 0);
    const from = this.last ?? { i: near, value };
    const span = Math.abs(near - from.i) || 1;
    for (let k = 0; k <= Math.abs(near - from.i); k++) {
      this.heights[from.i + Math.sign(near - from.i) * k] = from.value + ((value - from.value) * k) / span;
    }
    this.heights[near] = value;
    // The first touch lifts the whole curve, so that a reader draws from where the finger is.
    if (!this.touched) this.heights = this.heights.map(() => value);
    this.last = { i: near, value };
    this.at = near;
    this.touched = true;
    this.update();
  }

  handleKey(e) {
    const { low, high, x } = this.spec;
    const step = (high - low) / 40;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key];
    if (!moves) return;
    e.preventDefault();
    e.stopPropagation();
    this.at = Math.min(x.length - 1, Math.max(0, this.at + moves[0]));
    this.heights[this.at] = Math.min(high, Math.max(low, this.heights[this.at] + moves[1] * step));
    this.touched = true;
    this.update();
  }

  line(values) { return values.map((v, i) => `${i ? "L" : "M"}${this.x(i).toFixed(1)} ${this.y(v).toFixed(1)}`).join(""); }

  reveal(truth) { this.truth.setAttribute("d", this.line(truth.map((v) => Math.min(this.spec.high, Math.max(this.spec.low, v))))); }

  update() {
    this.path.setAttribute("d", this.line(this.heights));
    this.dot.setAttribute("cx", this.x(this.at));
    this.dot.setAttribute("cy", this.y(this.heights[this.at]));
    const { x, x_title, y_title } = this.spec;
    this.root.setAttribute("aria-valuenow", this.heights[this.at].toPrecision(3));
    this.root.setAttribute("aria-valuetext", `at ${x_title} ${x[this.at]}: ${y_title} ${this.heights[this.at].toPrecision(3)}`);
  }
}

export class Question {
  constructor(board) {
    this.board = board;
    this.cover = make("section", "lab-cover");
    this.cover.setAttribute("aria-label", "Question");
    this.cover.hidden = true;
    this.setup = new Panel(board);
    this.verdictLine = make("p", "lab-verdict");
    this.verdictLine.setAttribute("role", "status");
    this.verdictLine.hidden = true;
    this.open = false;
  }

  // head.question: the question of the scene; head.ask_first: whether to begin with it; head.verdict: what became of the last guess.
  show(head, fresh) {
    this.slug = head.slug;
    const text = JSON.stringify(head.question ?? null);
    const changed = text !== this.text;
    this.text = text;
    this.spec = head.question;
    if (fresh && this.spec && head.ask_first && (head.lecture || !Progress.get(this.slug).predicted)) this.open = true;
    if (!this.spec) this.open = false;
    if (changed && this.open) this.build();
    this.showVerdict(head.verdict);
    if (head.solved) Progress.update(this.slug, { solved: true });
    this.update();
  }

  build() {
    const { kind, text, options, low, high, step, unit, ratio } = this.spec;
    this.curve = null;
    const title = make("h3", "", text.replace(/(\d) (%|×)/g, "$1\u00a0$2"));
    const hint = make("p", "lab-hint", "Predict first: the picture comes with your answer.");
    const answers = make("div", "lab-answers");
    if (kind === "pick") {
      options.forEach(([id, label], i) => {
        const button = make("button", "", label);
        button.dataset.number = i + 1;
        button.addEventListener("click", () => this.answer(id));
        answers.append(button);
      });
    } else {
      const send = make("button", "lab-send", "That is my answer");
      if (kind === "amount") {
        // Where a guess is judged by its factor, the slider is logarithmic, to two digits. It starts away from the middle, near
        // which many answers lie.
        const value = () => (ratio ? Number(Math.exp(Number(range.value)).toPrecision(2)) : Number(range.value));
        const bounds = ratio ? { min: Math.log(low), max: Math.log(high), step: 0.02, value: Math.log(low) + 0.8 * Math.log(high / low) }
          : { min: low, max: high, step, value: (low + high) / 2 };
        const range = Object.assign(make("input"), { type: "range", ...bounds });
        range.setAttribute("aria-label", text);
        const output = make("output");
        const showValue = () => {
          output.textContent = `${value()}${unit}`;
          range.setAttribute("aria-valuetext", output.textContent);
        };
        range.addEventListener("input", showValue);
        showValue();
        send.addEventListener("click", () => this.answer(value()));
        answers.append(range, output, send);
      } else {
        this.curve = new CurveInput(this.spec);
        send.addEventListener("click", () => this.answer(this.curve.heights));
        answers.append(this.curve.root, send);
      }
    }
    const skip = make("button", "lab-skip", "Just show me");
    skip.addEventListener("click", () => this.skip());
    const words = make("div", "lab-question");
    words.append(title, hint, answers, skip);
    this.cover.replaceChildren(this.setup.root, words);
    this.drawSetup();
  }

  // What the reader may see before answering: the data, the axes or the net.
  drawSetup() {
    const spec = this.board.spec?.setup;
    this.setup.root.hidden = !spec;
    this.cover.classList.toggle("lab-with-setup", Boolean(spec));
    if (!spec || !this.open) return;
    this.setup.show(spec);
    this.setup.draw(0);
  }

  ask() {
    this.open = true;
    this.verdictLine.hidden = true;
    this.build();
    this.update();
    this.cover.querySelector("button, input, svg")?.focus();
  }

  answer(guess) {
    this.guessedCurve = this.curve;
    this.waiting = true;
    this.board.send("guess", { guess });
    this.close();
  }

  skip() {
    if (!Progress.get(this.slug).predicted) Progress.update(this.slug, { predicted: "skipped" });
    this.close();
  }

  close() {
    this.open = false;
    this.update();
    this.board.questionClosed();
  }

  update() {
    this.cover.hidden = !this.open;
    this.board.root.classList.toggle("lab-covered", this.open);
    document.documentElement.classList.toggle("lab-question-open", this.open);
    if (!this.open && this.slug) Progress.update(this.slug, { seen: true });
  }

  showVerdict(verdict) {
    if (!verdict) { this.verdictLine.hidden = true; return; }
    if (verdict.at === this.verdictAt) return;
    this.verdictAt = verdict.at;
    Progress.update(this.slug, { predicted: verdict.right ? "right" : "wrong" });
    const close = make("button", "lab-close", "×");
    close.setAttribute("aria-label", "Close the answer");
    close.addEventListener("click", () => { this.verdictLine.hidden = true; });
    this.verdictLine.className = `lab-verdict ${verdict.right ? "lab-right" : "lab-wrong"}`;
    this.verdictLine.replaceChildren(make("strong", "", verdict.right ? "✓ You predicted it." : "✗ Not this time."), ` ${verdict.words}`, close);
    if (verdict.truth && this.guessedCurve) {
      this.guessedCurve.reveal(verdict.truth);
      this.verdictLine.append(this.guessedCurve.root);
    }
    this.verdictLine.hidden = false;
  }
}
