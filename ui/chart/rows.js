// Rows of pictures: the key that a row shares, and the further pictures that are folded away.

import { make } from "./tools.js";

// The pictures that stand beside each other where there is room for twelve columns.
export function rowsOf(specs) {
  const rows = [];
  let left = 0;
  for (const spec of specs) {
    if (left <= 0 || spec.further !== rows.at(-1)[0].further) {
      rows.push([]);
      left = 12 * spec.rows;
    }
    rows.at(-1).push(spec);
    left -= spec.span * spec.rows;
  }
  return rows;
}

// Where all pictures of a row that have a key have the same, the first of them shows it for the row. In a row without a tall
// picture, titles, keys, pictures and captions stand on lines.
export function markKeys(panels, specs) {
  const panelOf = Object.fromEntries(panels.map((panel) => [panel.spec.id, panel]));
  for (const row of rowsOf(specs)) {
    const keyed = row.filter((spec) => spec.keys.length);
    const shared = keyed.length > 1 && keyed.every((spec) => String(spec.keys) === String(keyed[0].keys));
    const aligned = row.length > 1 && row.every((spec) => spec.rows === 1);
    for (const spec of row) {
      const { classList } = panelOf[spec.id].root;
      classList.toggle("lab-aligned", aligned);
      classList.toggle("lab-keys-row", shared && aligned && spec === keyed[0]);
      classList.toggle("lab-keyed-by-row", shared && spec !== keyed[0]);
    }
  }
}

// What is folded away below the pictures that lead. Python draws it when it is asked for.
export class Further {
  constructor(board) {
    this.board = board;
    this.root = make("div", "lab-further");
    this.button = this.root.appendChild(make("button"));
    this.names = this.root.appendChild(make("span"));
    this.button.addEventListener("click", () => this.ask(!this.open));
  }

  // spec.further: [[id, title], ...] of what there is, drawn or not.
  show({ further, panels }) {
    this.list = further;
    this.open = panels.some((panel) => panel.further);
    this.root.hidden = !further.length;
    this.button.setAttribute("aria-expanded", String(this.open));
    this.button.textContent = `${this.open ? "▾" : "▸"} Further: ${further.length} ${further.length > 1 ? "pictures" : "picture"}`;
    this.names.textContent = this.open ? "" : further.map(([, title]) => title).join(" · ");
  }

  ask(open) { this.board.send("further", { open }); }
}
