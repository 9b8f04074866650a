// What a reader takes away: the link, the whole board (offline.js), a picture as PNG or SVG, its numbers as CSV. All of it
// is made here, at the click.

import { offlinePage } from "./offline.js";
import { icon } from "./player.js";
import { bareText, blobToDataUrl, DASHES, fontSize, make } from "./tools.js";

const MENU_ICONS = {
  save: "M7 1h2v7l2.6-2.6L13 6.8 8 11.8 3 6.8l1.4-1.4L7 8zM2 13h12v2H2z",
  share: "M9 1l6 5-6 5V8C5 8 3 9.5 1 13 1.5 7.5 4.5 4.3 9 4z",
};

// A button with a short list under it. Enter or an arrow opens it, arrows move, Escape closes it and gives the focus back.
class Menu {
  // items: [label, action, () => whether it is offered]; what an action returns is shown beside the button for a moment.
  constructor(label, iconName, items) {
    this.root = make("div", "lab-menu");
    this.root.innerHTML = `<button type="button" aria-haspopup="menu" aria-expanded="false">${icon(MENU_ICONS[iconName])}</button>
      <menu role="menu" hidden></menu><output></output>`;
    [this.button, this.list, this.status] = this.root.children;
    this.button.title = label;
    this.button.setAttribute("aria-label", label);
    this.list.setAttribute("aria-label", label);
    this.all = items.map(([name, action, offered]) => {
      const item = this.list.appendChild(make("li"));
      item.setAttribute("role", "none");
      const button = item.appendChild(make("button", "", name));
      button.setAttribute("role", "menuitem");
      button.tabIndex = -1;
      button.addEventListener("click", () => this.choose(action));
      return { item, button, offered };
    });
    this.button.addEventListener("click", () => (this.list.hidden ? this.open() : this.close()));
    this.root.addEventListener("keydown", (e) => this.handleKey(e));
    this.root.addEventListener("focusout", (e) => { if (!this.root.contains(e.relatedTarget)) this.close(); });
  }

  open(at = 0) {
    for (const { item, offered } of this.all) item.hidden = offered ? !offered() : false;
    this.items = this.all.filter(({ item }) => !item.hidden).map(({ button }) => button);
    this.list.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    // It hangs to the left of its button unless that takes it off the screen.
    this.root.classList.toggle("lab-menu-right", this.root.getBoundingClientRect().right < this.list.offsetWidth + 4);
    this.items.at(at).focus({ preventScroll: true });
  }

  close() {
    this.list.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
  }

  handleKey(e) {
    const open = !this.list.hidden;
    const at = open ? this.items.indexOf(document.activeElement) : -1;
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, ...(open && { Home: 0, End: -1 }) }[e.key];
    if (to === undefined && !(open && e.key === "Escape")) return;
    // The page has meanings of its own for these keys.
    e.preventDefault();
    e.stopPropagation();
    if (!open) this.open(to);
    else if (e.key === "Escape") { this.close(); this.button.focus(); }
    else this.items.at(to % this.items.length).focus();
  }

  async choose(action) {
    this.button.focus();
    this.close();
    let message;
    try { message = await action(); } catch (error) { console.warn(error); message = "That did not work"; }
    clearTimeout(this.statusTimer);
    this.status.textContent = message ?? "";
    this.statusTimer = setTimeout(() => { this.status.textContent = ""; }, 2500);
  }
}

// The link of the same scene in lecture mode.
function presented(link) {
  const url = new URL(link);
  url.searchParams.set("present", "1");
  return url;
}

export class Exports {
  constructor(board) {
    this.board = board;
    this.share = new Menu("Share this page", "share", [
      ["Copy link", () => copyText(location.href)],
      ["Figure as HTML", async () => this.download(new Blob([await offlinePage(board)], { type: "text/html" }), "html")],
      ["Lecture mode", () => location.assign(presented(location.href)), () => !board.lecture.on],
    ]);
  }

  // The panel's title gets a row of its own, with the button at the end of it.
  addMenu(panel) {
    const menu = new Menu("Save this picture", "save", [
      ["PNG picture", async () => this.download(await toPng(await toSvg(panel), 2), "png", panel), () => panel.view.saves.picture],
      ["SVG drawing", async () => this.download(new Blob([(await toSvg(panel)).text], { type: "image/svg+xml" }), "svg", panel), () => panel.view.saves.picture],
      ["CSV data", () => this.download(new Blob([toCsv(panel)], { type: "text/csv" }), "csv", panel), () => panel.view.saves.numbers],
    ]);
    const row = make("div", "lab-head");
    panel.title.before(row);
    row.append(panel.title, menu.root);
  }

  download(blob, ending, panel) {
    const a = make("a");
    a.href = URL.createObjectURL(blob);
    a.download = `${["lab", this.board.head.slug, ...(panel ? [panel.spec.id] : [])].join("-")}.${ending}`;
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 60000);
    return "Saved";
  }
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page that came over plain http has no clipboard of its own.
    const field = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text }));
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    if (!copied) return "Copy it from the address bar";
  }
  return "Copied";
}

// ---- the picture as it stands, with its title, the key of the board and its caption, on paper

async function toSvg(panel) {
  const { board, plot } = panel;
  if (panel.outdated || !panel.drawn) await panel.draw(board.player.frame);
  const size = fontSize();
  const width = Math.max(640, plot.clientWidth);
  const height = Math.round((plot.clientHeight * width) / Math.max(plot.clientWidth, 1));
  const picture = await panel.view.svg(width, height);
  const sheet = new Sheet(width + 2 * size, size, board);
  sheet.words(panel.title.textContent, 1.15 * size, "bold");
  sheet.key(panel.entries);
  sheet.place(picture, height);
  sheet.words(panel.caption.textContent, 0.95 * size);
  return sheet.finish();
}

// Paper that is filled from the top.
class Sheet {
  constructor(width, size, board) {
    const look = getComputedStyle(board.root);
    Object.assign(this, { width, size, ink: look.color, paper: look.getPropertyValue("--st-background-color").trim() || "white",
                          family: board.family, down: size });
    this.root = this.node("svg", { xmlns: Sheet.space, width });
    this.back = this.node("rect", { width: "100%", height: "100%", fill: this.paper }, this.root);
    this.pen = document.createElement("canvas").getContext("2d");
  }

  node(name, about, parent) {
    const node = document.createElementNS(Sheet.space, name);
    for (const [key, value] of Object.entries(about)) if (key !== "xmlns") node.setAttribute(key, value);
    return parent ? parent.appendChild(node) : node;
  }

  line(text, x, size, weight) {
    this.node("text", { x, y: this.down, "font-family": this.family, "font-size": size, "font-weight": weight, fill: this.ink },
              this.root).textContent = text;
  }

  long(text, size, weight) {
    this.pen.font = `${weight} ${size}px ${this.family}`;
    return this.pen.measureText(text).width;
  }

  words(text, size, weight = "normal") {
    const lines = [];
    for (const word of text.trim().split(/\s+/).filter(Boolean)) {
      const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
      if (lines.length && this.long(longer, size, weight) <= this.width - 2 * this.size) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    for (const line of lines) {
      this.down += 1.3 * size;
      this.line(line, this.size, size, weight);
    }
    if (lines.length) this.down += 0.5 * size;
  }

  key(entries) {
    const { size } = this;
    let x = size;
    if (entries.length) this.down += 1.3 * size;
    for (const { label, colour, dash } of entries) {
      const wide = 32 + this.long(label, 0.9 * size, "normal");
      if (x > size && x + wide > this.width - size) { x = size; this.down += 1.4 * size; }
      const y = this.down - 0.3 * size;
      this.node("line", { x1: x, x2: x + 24, y1: y, y2: y, stroke: colour, "stroke-width": 3, "stroke-dasharray": DASHES[dash] || "none" },
                this.root);
      this.line(label, x + 30, 0.9 * size, "normal");
      x += wide + size;
    }
    if (entries.length) this.down += 0.5 * size;
  }

  place(svg, height) {
    svg.setAttribute("x", this.size);
    svg.setAttribute("y", this.down);
    this.root.append(document.importNode(svg, true));
    this.down += height;
  }

  finish() {
    const height = Math.ceil(this.down + 0.7 * this.size);
    this.root.setAttribute("height", height);
    this.root.setAttribute("viewBox", `0 0 ${this.width} ${height}`);
    return { text: new XMLSerializer().serializeToString(this.root), width: this.width, height, family: this.family };
  }
}
Sheet.space = "http://www.w3.org/2000/svg";

// A drawing that is turned into a picture knows none of the page's fonts, so the one that it names is put into it.
async function withFont(text, family) {
  const bare = (name) => name.replace(/["']/g, "").trim();
  const rules = [...document.styleSheets].flatMap((sheet) => { try { return [...sheet.cssRules]; } catch { return []; } });
  const face = rules.find((rule) => rule instanceof CSSFontFaceRule && bare(rule.style.getPropertyValue("font-family")) === bare(family.split(",")[0])
                                    && rule.style.getPropertyValue("font-style") !== "italic");
  const file = face && /url\("?([^")]+)"?\)/.exec(face.style.getPropertyValue("src"))?.[1];
  if (!file) return text;
  const font = await (await fetch(new URL(file, face.parentStyleSheet.href ?? location.href))).blob();
  const source = await blobToDataUrl(font);
  const style = `<style>@font-face { font-family: ${family.split(",")[0]}; font-weight: 100 900; src: url(${source}); }</style>`;
  return text.replace(/<svg[^>]*>/, (open) => open + style);
}

async function toPng({ text, width, height, family }, scale) {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(await withFont(text, family))}`;
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: scale * width, height: scale * height });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((then) => canvas.toBlob(then, "image/png"));
}

// ---- the numbers behind it

function toCsv(panel) {
  panel.unpack();
  return panel.view.rows().map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

function cell(value) {
  if (typeof value === "number") return Number.isNaN(value) ? "" : shortest(value);
  const text = bareText(String(value ?? ""));
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// The fewest digits from which the same number is read again, in the precision in which it came.
function shortest(value) {
  if (Math.fround(value) !== value) return String(value);
  const digits = [7, 8, 9].map((n) => Number(value.toPrecision(n)));
  return String(digits.find((short) => Math.fround(short) === value) ?? value);
}
