// Rows and columns of text and numbers: figures/kinds.py, Table.

import { make } from "../tools.js";
import { atFrame, Kind, numberText } from "./kind.js";

export class TextTable extends Kind {
  constructor(panel) {
    super(panel);
    this.root = this.node.appendChild(make("div", "lab-table"));
    this.root.tabIndex = 0;  // what is scrolled must be reached without a mouse
    this.root.setAttribute("role", "region");
  }

  get saves() { return { picture: false, numbers: true }; }

  show(figure) {
    super.show(figure);
    const { columns, rows, digits } = this.figure;
    const numeric = columns.map((_, c) => rows.every((row) => typeof row[c] === "number"));
    const table = make("table");
    const cells = (row, texts, kind) => texts.forEach((text, c) => {
      const one = row.appendChild(make(kind === "td" && c === 0 ? "th" : kind, numeric[c] ? "lab-number" : "", text));
      if (one.tagName === "TH") one.scope = kind === "td" ? "row" : "col";
    });
    cells(table.createTHead().insertRow(), columns, "th");
    const body = table.createTBody();
    this.lines = rows.map((row) => {
      const line = body.insertRow();
      cells(line, row.map((value) => (typeof value === "number" ? numberText(value, digits) : value)), "td");
      return line;
    });
    if (this.panel.spec.click) this.buttons();
    this.root.setAttribute("aria-label", this.panel.spec.title || this.panel.spec.alt);
    this.root.replaceChildren(table);
  }

  // The name of a row becomes a button.
  buttons() {
    this.lines.forEach((line, i) => {
      const name = line.cells[0];
      const button = make("button", "", name.textContent);
      button.addEventListener("click", () => this.panel.click([i]));
      name.replaceChildren(button);
    });
  }

  draw(frame) {
    const { marked } = this.figure;
    const now = marked.length ? atFrame(marked, frame) : -1;
    this.lines.forEach((line, i) => {
      if (i === now) line.setAttribute("aria-current", "true");
      else line.removeAttribute("aria-current");
    });
    const line = this.lines[now];
    if (!line) return;
    // Within the table only: the page stays where it is.
    const head = this.root.querySelector("thead").offsetHeight;
    const { scrollTop: top, clientHeight: tall } = this.root;
    if (line.offsetTop - head < top) this.root.scrollTop = line.offsetTop - head;
    else if (line.offsetTop + line.offsetHeight > top + tall) this.root.scrollTop = line.offsetTop + line.offsetHeight - tall;
  }

  rows() { return [this.figure.columns, ...this.figure.rows]; }
}
