// The board in one file, which plays without a network.

async function offlinePage(board) {
  const { plotly, parts, summary = "" } = board.head;
  const bundle = [...document.scripts].find((script) => script.src.endsWith(plotly)).src;
  const read = async (path) => {
    const answer = await fetch(bundle.slice(0, -plotly.length) + path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.text();
  };
  const [library, ...texts] = await Promise.all([plotly, ...parts].map(read));
  const of = (ending) => texts.filter((_, i) => parts[i].endsWith(ending)).join("\n");
  const css = of(".css");
  const look = getComputedStyle(board.root);
  // The colours of the theme that is on.
  const values = [...new Set(css.match(/--st-[\w-]+/g))].map((name) => [name, look.getPropertyValue(name)]).filter(([, v]) => v);
  const title = escaped(document.querySelector("h2")?.textContent ?? document.title);
  const link = escaped(location.href);
  const { slug, scene, start, beside } = board.head;
  const data = { head: { slug, scene, start, beside, digest: board.digest, live: false, presets: [] },
                 look: board.sent.look, now: await written(board.sent.now), kept: board.sent.kept && await written(board.sent.kept) };
  const inline = (code) => code.replace(/<\/(?=script)/gi, "<\\/").replaceAll("<!--", "<\\!--");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="license" content="MIT">
<title>${title}</title>
<style>
:root { ${values.map((pair) => pair.join(": ")).join("; ")}; color-scheme: ${board.dark ? "dark" : "light"}; }
body { background: var(--st-background-color); color: var(--st-text-color); font: 1rem/1.5 ${board.family};
  max-width: 80rem; margin: 0 auto; padding: 1rem; }
* { box-sizing: border-box; }
svg { vertical-align: middle; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 0 0.75rem; }
a { color: var(--st-primary-color); overflow-wrap: anywhere; }
footer { font-size: 0.82rem; opacity: 0.85; }
${css}
.lab-bar, .lab-why:empty { display: none !important; }
.lab-clickable .nsewdrag { cursor: default !important; }
</style>
</head>
<body>
<h1>${title}</h1>
<main></main>
${paragraphs(summary)}
<footer>Saved from <a href="${link}">${link}</a>, where its controls and clicks work. Licence: MIT.</footer>
<script>${inline(library)}<\/script>
<script type="application/json" id="lab-data">${JSON.stringify(data).replaceAll("<", "\\u003c")}<\/script>
<script type="module">${inline(of(".js"))}
{
  const { head, look, now, kept } = JSON.parse(document.getElementById("lab-data").textContent);
  const read = ({ text, numbers }) => ({ text, numbers: Uint8Array.from(atob(numbers), (c) => c.charCodeAt(0)).buffer });
  const board = new Board(document.querySelector("main"));
  board.send = () => {};
  board.receive(head, look, read(now), kept && read(kept));
}
<\/script>
</body>
</html>
`;
}

// A board's arrays as text, in base64.
async function written({ text, numbers }) {
  return { text, numbers: (await dataUrl(new Blob([numbers]))).split(",")[1] ?? "" };
}

const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

// The Markdown that the sentences use: paragraphs, lists and what is strong.
function paragraphs(markdown) {
  const strong = (text) => escaped(text).replace(/\*\*(.+?)\*\*/g, "<strong>$1</strong>");
  return markdown.trim().split(/\n{2,}/).filter(Boolean).map((block) => {
    const lines = block.split("\n");
    return lines.every((line) => /^[-*] /.test(line)) ? `<ul>${lines.map((line) => `<li>${strong(line.slice(2))}</li>`).join("")}</ul>`
      : `<p class="lab-summary">${strong(block)}</p>`;
  }).join("\n");
}
