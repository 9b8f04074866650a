// Links to lessons in a picture or its caption: href="<slug>", as a page's address has it.

import { bareText } from "./tools.js";

export function followLesson(e) {
  const link = e.target.closest?.("a");
  const to = link?.getAttribute("href") ?? link?.getAttribute("xlink:href");
  if (!to || !/^[a-z_]+$/.test(to) || e.ctrlKey || e.metaKey || e.shiftKey) return;
  const there = new URL(to, location.href).pathname;
  // Through the app's own link, as shell.hidden_links has it: the session goes on, and on the wall lecture mode with it.
  const own = [...document.querySelectorAll(".st-key-hidden-links a")].find((a) => new URL(a.href).pathname === there);
  if (!own) return;
  e.preventDefault();
  own.click();
}

// Plotly makes a link of every line of a name: Tab stops at the first, which is told in full.
export function oneStopEach(node) {
  for (const text of node.querySelectorAll(".annotation-text:has(a)")) {
    const [first, ...rest] = text.querySelectorAll("a");
    first.setAttribute("aria-label", bareText(text.dataset.unformatted ?? text.textContent).replace(/\u200b/g, ""));
    for (const line of rest) line.setAttribute("tabindex", "-1");
  }
}
