// Lecture mode: one picture that fills the screen, and a whole lecture driven from the keyboard.

import { make } from "./tools.js";

const LECTURE_KEYS = [
  ["→ or Page Down", "next scene, then next lesson"], ["← or Page Up", "the one before"], ["↓ ↑", "next, previous lesson"],
  ["Space", "show the picture; play and pause"], ["1 to 9", "answer while asked; else choose a picture"],
  ["P", "ask before showing"], ["C", "controls"], ["Q", "large code of this link"], ["M", "the lecture's map"], ["Esc", "leave lecture mode"],
];

export class Present {
  constructor(board) {
    this.board = board;
    this.root = make("header", "lab-lecture");
    this.root.hidden = true;
    this.at = 0;
    this.onKey = (e) => this.key(e);
    window.addEventListener("keydown", this.onKey);
  }

  get on() { return Boolean(this.spec); }

  // head.present: {part, heading, title, question, place, qr, address, before, after, map: [[part, [[slug, heading, name], ...]], ...]}
  show(spec) {
    this.spec = spec;
    document.documentElement.classList.toggle("lab-present", this.on);
    this.root.hidden = !this.on;
    if (!this.on) return;
    const text = JSON.stringify(spec);
    if (text === this.text) return;
    this.text = text;
    const words = make("div", "lab-lecture-words");
    words.append(make("p", "lab-lecture-part", `${spec.part} · ${spec.heading}`), make("h2", "", spec.title), make("p", "", spec.question));
    const side = make("div", "lab-lecture-side");
    const qr = make("div", "lab-qr");
    qr.innerHTML = spec.qr;
    qr.setAttribute("role", "img");
    qr.setAttribute("aria-label", "Code of the link to this scene");
    this.which = make("p");
    const place = make("div", "lab-place");
    place.append(make("p", "", `lesson ${spec.place}`), this.which, make("p", "", "M for keys"));
    side.append(place, qr);
    this.root.replaceChildren(words, side);
    this.sheet ??= this.board.root.appendChild(make("div", "lab-sheet"));
    this.sheet.hidden = true;
  }

  // Says which of the pictures is on the wall.
  tell() {
    const count = this.board.order.length;
    if (this.which) this.which.textContent = count > 1 ? `picture ${Math.min(this.at, count - 1) + 1} of ${count}` : "";
  }

  // Which picture is the one that is shown; the first where the chosen one is not on this board.
  panel() {
    const ids = this.board.order;
    return ids[Math.min(this.at, ids.length - 1)];
  }

  turn(at) {
    this.at = at;
    this.board.arrange();
    this.board.catchUp(0);
  }

  // Through the app's own links (shell.hidden_links), so that the session goes on and the server stays warm.
  lesson(slug) {
    if (slug) [...document.querySelectorAll(".st-key-hidden-links a")].find((a) => new URL(a.href).pathname.endsWith(`/${slug}`))?.click();
  }

  step(by) {
    if (this.board.ask.open && by > 0) return this.board.ask.skip();
    const preset = this.board.bar.next(by);
    if (preset) this.board.bar.choose(preset.name);
    else this.lesson(by > 0 ? this.spec.after : this.spec.before);
  }

  sheetOf(kind) {
    if (!this.sheet.hidden && this.sheet.dataset.kind === kind) { this.sheet.hidden = true; return; }
    this.sheet.dataset.kind = kind;
    this.sheet.hidden = false;
    if (kind === "qr") {
      const qr = make("div", "lab-qr");
      qr.innerHTML = this.spec.qr;
      this.sheet.replaceChildren(qr, make("p", "", this.spec.address));
      return;
    }
    const list = make("ul", "lab-map");
    for (const [part, lessons] of this.spec.map) {
      const inner = make("ul");
      for (const [slug, heading, name] of lessons) {
        const item = inner.appendChild(make("li"));
        const a = item.appendChild(make("a", "", heading));
        a.href = `${slug}?present=1`;
        a.title = name;
        if (slug === this.board.head.slug) a.setAttribute("aria-current", "page");
        a.addEventListener("click", (e) => { e.preventDefault(); this.lesson(slug); });
      }
      const item = list.appendChild(make("li", "", part));
      item.append(inner);
    }
    const keys = make("dl");
    for (const [key, does] of LECTURE_KEYS) keys.append(make("dt", "", key), make("dd", "", does));
    this.sheet.replaceChildren(list, keys);
    list.querySelector("a")?.focus();
  }

  key(e) {
    if (!this.on || !this.board.root.isConnected || e.ctrlKey || e.metaKey || e.altKey) return;
    const inField = e.target.closest?.("input, select, textarea, [role=slider], [contenteditable]");
    const onButton = e.target.closest?.("button, a, summary");
    const { ask, player } = this.board;
    const does = {
      ArrowRight: () => this.step(1), PageDown: () => this.step(1), ArrowLeft: () => this.step(-1), PageUp: () => this.step(-1),
      ArrowDown: () => this.lesson(this.spec.after), ArrowUp: () => this.lesson(this.spec.before),
      " ": () => (ask.open ? ask.skip() : player.press("play")),
      p: () => ask.spec && ask.ask(), c: () => document.documentElement.classList.toggle("lab-controls"),
      q: () => this.sheetOf("qr"), m: () => this.sheetOf("map"), "?": () => this.sheetOf("map"),
      Escape: () => (this.sheet && !this.sheet.hidden ? (this.sheet.hidden = true) : this.board.send("leave", { at: Date.now() })),
    }[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    const number = /^[1-9]$/.test(e.key) ? Number(e.key) : 0;
    if (inField && e.key !== "Escape") return;
    if (onButton && (e.key === " " || e.key === "Enter")) return;
    if (number && ask.open) ask.cover.querySelector(`[data-number="${number}"]`)?.click();
    else if (number && number <= this.board.order.length) this.turn(number - 1);
    else if (does) does();
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  close() {
    window.removeEventListener("keydown", this.onKey);
    // The next lesson's board may stand already.
    if (!document.querySelector(".lab-lecture:not([hidden])")) document.documentElement.classList.remove("lab-present", "lab-controls");
  }
}
