// The row above the pictures: presets, which are links, and what can be done with the scene.

import { make } from "./tools.js";

export class Toolbar {
  constructor(board) {
    this.board = board;
    this.root = make("div", "lab-toolbar");
    this.presets = this.root.appendChild(make("nav", "lab-presets"));
    this.presets.setAttribute("aria-label", "Presets");
    const line = this.root.appendChild(make("div", "lab-toolbar-row"));
    this.why = line.appendChild(make("p", "lab-why"));
    this.actions = line.appendChild(make("div", "lab-actions"));
    this.why.setAttribute("role", "status");
    this.predict = this.action("Predict", "Cover the picture and predict it first", () => board.question.ask());
    this.compare = this.action("Compare", "Keep this scene and set another beside it", () => board.send("pin"));
  }

  action(name, about, then) {
    const button = this.actions.appendChild(make("button", "", name));
    button.title = about;
    button.addEventListener("click", then);
    return button;
  }

  show({ presets, question, comparison, lecture, alone }) {
    const text = JSON.stringify(presets);
    if (text !== this.text) {
      this.text = text;
      this.presets.replaceChildren(...presets.map((preset) => {
        const a = make("a", "", preset.name);
        a.href = preset.query || "?";
        a.title = preset.why;
        if (preset.current) a.setAttribute("aria-current", "true");
        a.addEventListener("click", (e) => {
          if (e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
          e.preventDefault();
          this.choose(preset.name);
        });
        return a;
      }));
    }
    // On the wall, where the page's question has no place of its own, it stands for a scene that has no name.
    this.why.textContent = comparison ?? presets.find((p) => p.current)?.why ?? lecture?.question ?? "";
    this.predict.hidden = !question;
    this.compare.hidden = Boolean(alone);  // a page whose scenes are not compared side by side
    this.compare.textContent = comparison ? "End comparison" : "Compare";
    this.compare.setAttribute("aria-pressed", String(Boolean(comparison)));
    this.list = presets;
  }

  choose(name) { this.board.send("preset", { name }); }

  // The preset before or after the one that was asked for last, which Python may not have answered yet, or else the present one;
  // null past the ends.
  neighbour(by) {
    const asked = this.board.events.filter(({ event }) => event === "preset").pop();
    const at = this.list.findIndex((p) => (asked ? p.name === asked.name : p.current));
    return this.list[at < 0 ? (by > 0 ? 0 : -1) : at + by] ?? null;
  }
}
