// Lecture mode: one picture that fills the screen, and a whole lecture driven from the keyboard.

import { linkTo } from "./follow.js";
import { make } from "./tools.js";

const LECTURE_KEYS = [
  ["→ or Page Down", "next scene, then next lesson"], ["← or Page Up", "the one before"], ["↓ ↑", "next, previous lesson"],
  ["Space", "show the picture; play and pause"], ["1 to 9", "answer while asked; else choose a picture"],
  ["N, B", "next picture, the one before; the further ones come last"], ["P", "ask before showing"],
  ["V", "what became of the answer, in large type"], ["C", "controls"], ["Q", "large code of this link"],
  ["M", "the lecture's map"], ["Esc", "leave lecture mode"],
];

// The lesson that was asked for last, until it is there.
let bound = null;
let asking;
const LONGEST_WAIT = 60_000;  // milliseconds
const LOST_AFTER = 2_000;
const scriptIsRunning = () => document.querySelector("[data-test-script-state]").dataset.testScriptState !== "notRunning";

// The links come after the picture, so a key may have to wait for them; of several keys the last one counts. Streamlit 1.67 may lose
// one of several fast changes of page: where nothing runs any more and the lesson is not there, it is asked for again.
function openLesson(slug) {
  forget();
  if (!slug) return;
  bound = slug;
  const start = performance.now();
  let asked = null;
  const press = () => {
    const link = linkTo(slug);
    if (link) asked = performance.now();
    link?.click();
  };
  const look = () => {
    const now = performance.now();
    if (now - start > LONGEST_WAIT) forget();
    else if (!asked) press();
    else if (now - asked > LOST_AFTER && !scriptIsRunning()) current?.shows(slug) ? forget() : press();
  };
  asking = setInterval(look, 50);
  press();
}

function forget() {
  clearInterval(asking);
  bound = null;
}
window.addEventListener("popstate", forget);

// Of the board that was shown last. Between two lessons it is that of the one before, which is not in the page any more.
let current = null;
let count = 0;
window.addEventListener("keydown", (e) => current?.handleKey(e));

export class Lecture {
  constructor(board) {
    this.board = board;
    this.root = make("header", "lab-lecture");
    this.root.hidden = true;
    this.at = 0;
    this.number = count++;
  }

  get on() { return Boolean(this.spec); }

  // head.lecture: {title, question, place, qr, address, before, after, first, map: [[part, [[slug, heading, name], ...]], ...]}
  show(spec) {
    this.spec = spec;
    document.documentElement.classList.toggle("lab-lecture-mode", this.on);
    this.root.hidden = !this.on;
    if (!this.on) return;
    this.takeKeys();
    if (this.overlay && !this.overlay.hidden && this.overlay.dataset.kind === "verdict") this.sayVerdict();
    const text = JSON.stringify(spec);
    if (text === this.text) return;
    this.text = text;
    const title = make("h2", "", spec.title);
    title.style.setProperty("--letters", spec.title.length);
    this.position = make("span");
    const place = make("p", "lab-place", spec.place);
    place.append(this.position, make("span", "", "Q code, M keys"));
    this.root.replaceChildren(title, place);
    this.overlay ??= this.board.root.appendChild(make("div", "lab-overlay"));
    this.overlay.hidden = true;
  }

  // A board's last message may come when that of the next lesson is there already.
  takeKeys() {
    if (current === this || (current?.number > this.number && current.board.root.isConnected)) return;
    current = this;
    if (bound === this.board.head.slug) forget();
    else openLesson(bound);
  }

  shows(slug) { return this.board.head.slug === slug && this.board.root.isConnected; }

  // Says which of the pictures is on the wall.
  showPosition() {
    const { stops, waiting } = this;
    const count = stops.length + (waiting ? 1 : 0);
    if (this.position) this.position.textContent = count > 1 ? `picture ${Math.min(this.at, stops.length - 1) + 1} of ${stops.length}${waiting ? "+" : ""}` : "";
  }

  // The ids that share the wall, stop by stop: a picture with the one that belongs to it.
  get stops() {
    const { order, spec } = this.board;
    const pairOf = Object.fromEntries((spec?.panels ?? []).map((panel) => [panel.id, panel.pair]));
    const seen = new Set();
    const stops = [];
    for (const id of order) {
      if (seen.has(id)) continue;
      const stop = this.board.head.kept.length ? [id] : [id, ...pairOf[id].filter((other) => order.includes(other))];
      stop.forEach((one) => seen.add(one));
      stops.push(stop);
    }
    return stops;
  }

  // Whether there are further pictures that Python has not drawn yet.
  get waiting() { return this.board.further.list?.length && !this.board.further.open; }

  // The pictures that are shown; the last where there are fewer than the chosen one.
  panelIds() {
    const { stops } = this;
    return stops[Math.min(this.at, stops.length - 1)] ?? [];
  }

  choosePicture(at) {
    const { stops } = this;
    if (at >= stops.length && !this.waiting) return;
    if (at >= stops.length) this.board.further.ask(true);
    this.at = Math.min(Math.max(0, at), stops.length);
    this.board.arrange();
    this.board.drawOutdated(0);
  }

  // As many lessons on as the key is pressed, whether or not the first of them has come. The playground is before the first lesson.
  skipLesson(by) {
    const lessons = [this.spec.first, ...this.spec.map.flatMap(([, part]) => part.map(([slug]) => slug))];
    openLesson(lessons[lessons.indexOf(bound ?? this.board.head.slug) + by]);
  }

  step(by) {
    if (this.board.question.open && by > 0) return this.board.question.skip();
    const preset = this.board.toolbar.neighbour(by);
    if (preset) this.board.toolbar.choose(preset.name);
    else openLesson(by > 0 ? this.spec.after : this.spec.before);
  }

  toggleOverlay(kind) {
    if (!this.overlay.hidden && this.overlay.dataset.kind === kind) { this.overlay.hidden = true; return; }
    this.overlay.dataset.kind = kind;
    this.overlay.hidden = false;
    if (kind === "verdict") { this.sayVerdict(); return; }
    if (kind === "qr") {
      const qr = make("div", "lab-qr");
      qr.innerHTML = this.spec.qr;
      this.overlay.replaceChildren(qr, make("p", "", this.spec.address));
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
        a.addEventListener("click", (e) => { e.preventDefault(); openLesson(slug); });
      }
      const item = list.appendChild(make("li", "", part));
      item.append(inner);
    }
    const keys = make("dl");
    for (const [key, does] of LECTURE_KEYS) keys.append(make("dt", "", key), make("dd", "", does));
    this.overlay.replaceChildren(list, keys);
    list.querySelector("a")?.focus();
  }

  // Of the scene that is shown, so that it follows a run.
  sayVerdict() {
    const { head: { verdict }, question: { verdictLine } } = this.board;
    const words = verdict ? [...verdictLine.childNodes].filter((node) => node.nodeName !== "BUTTON").map((node) => node.cloneNode(true))
      : [this.board.head.summary.split("\n\n")[0].replaceAll("**", "")];
    const said = make("p", "lab-said");
    said.append(...words);
    this.overlay.replaceChildren(said);
  }

  handleKey(e) {
    if (!this.on || e.ctrlKey || e.metaKey || e.altKey) return;
    if (!this.board.root.isConnected && !(bound && /^Arrow(Down|Up)$/.test(e.key))) return;
    const inField = e.target.closest?.("input, select, textarea, [role=slider], [contenteditable]");
    const onButton = e.target.closest?.("button, a, summary");
    const { question } = this.board;
    const action = {
      ArrowRight: () => this.step(1), PageDown: () => this.step(1), ArrowLeft: () => this.step(-1), PageUp: () => this.step(-1),
      ArrowDown: () => this.skipLesson(1), ArrowUp: () => this.skipLesson(-1),
      " ": () => (question.open ? question.skip() : this.board.playOrPause()),
      p: () => question.spec && question.ask(), c: () => document.documentElement.classList.toggle("lab-show-controls"),
      n: () => (question.open ? question.skip() : this.choosePicture(this.at + 1)),
      b: () => question.open || this.choosePicture(this.at - 1), v: () => this.toggleOverlay("verdict"),
      q: () => this.toggleOverlay("qr"), m: () => this.toggleOverlay("map"), "?": () => this.toggleOverlay("map"),
      Escape: () => (this.overlay && !this.overlay.hidden ? (this.overlay.hidden = true) : this.leave()),
    }[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    const number = /^[1-9]$/.test(e.key) ? Number(e.key) : 0;
    if (inField && e.key !== "Escape") return;
    if (onButton && (e.key === " " || e.key === "Enter")) return;
    if (number && question.open) question.cover.querySelector(`[data-number="${number}"]`)?.click();
    else if (number && number <= this.stops.length) this.choosePicture(number - 1);
    else if (action) action();
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  leave() {
    forget();
    this.board.send("leave");
  }

  close() {
    // The next lesson's board may stand already.
    if (!document.querySelector(".lab-lecture:not([hidden])")) document.documentElement.classList.remove("lab-lecture-mode", "lab-show-controls");
  }
}
