// What is drawn of a network's held weights and units, and the network's key: a weight or bias that is held has a small square,
// a unit a second outline.

import { svgNode } from "../tools.js";

export function drawHeld(diagram) {
  const { colours: { ink, paper }, held, lines, marks, radius, size, units } = diagram;
  const side = Math.max(5, Math.min(0.55 * size, radius));
  const mark = (x, y, parent) => svgNode("rect", { x: x - side / 2, y: y - side / 2, width: side, height: side, fill: ink, stroke: paper,
                                                   "data-held": "" }, parent);
  marks.replaceChildren();
  for (const { l, from, to, x1, y1, x2, y2 } of lines) {
    if (held.has(`${l + 1}.${to + 1}.${from + 1}`)) mark(x1 + 0.7 * (x2 - x1), y1 + 0.7 * (y2 - y1), marks);
  }
  let any = marks.childElementCount;
  for (const { l, u, x, y, outline, node } of units) {
    node.querySelector("[data-held-bias]")?.remove();
    if (held.has(`${l}.${u + 1}.0`)) mark(x + radius, y + radius, node).setAttribute("data-held-bias", "");
    const whole = diagram.isHeld(l, u);
    outline.setAttribute("visibility", whole ? "visible" : "hidden");
    any += whole || Boolean(node.querySelector("[data-held-bias]"));
  }
  drawNetworkKey(diagram, any ? side : 0, mark);
}

// side: of the mark of what is held, 0 where nothing is.
function drawNetworkKey({ legend, size, figure: { positive, negative }, box: [width, height], colours: { ink } }, side, mark) {
  const middle = -0.3 * size;
  legend.replaceChildren();
  let x = 0;
  const word = (label) => {
    const node = svgNode("text", { x, y: 0, fill: ink }, legend);
    node.textContent = label;
    x += node.getComputedTextLength() + size;
  };
  for (const [label, stroke, dash] of [["positive weight", positive, ""], ["negative", negative, "5 3"]]) {
    svgNode("line", { x1: x, x2: x + 1.8 * size, y1: middle, y2: middle, stroke, "stroke-width": 3, "stroke-dasharray": dash }, legend);
    x += 2.2 * size;
    word(label);
  }
  word("wider: larger");
  if (side) {
    const square = (by) => svgNode("rect", { x: x + 2.5 * side - by, y: middle - by, width: 2 * by, height: 2 * by, fill: "none", stroke: ink }, legend);
    mark(x + side / 2, middle, legend);
    square(side / 2);
    square(side);
    x += 3.5 * side + 0.4 * size;
    word("held");
  }
  legend.setAttribute("transform", `translate(${Math.max(4, (width - x + size) / 2)} ${height - 1.6 * size})`);
}
