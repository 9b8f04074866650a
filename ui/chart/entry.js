// What Streamlit runs for the component, from a blob that knows no address. PLOTLY and PARTS, where the files are below the
// app's own address, are set by __init__.py.

// The app may live under a base path; Streamlit's own bundle says where.
const root = document.querySelector('script[src*="static/js/"]').src.split("static/js/")[0];

function link(about) {
  const href = root + about.href;
  const there = [...document.querySelectorAll(`link[rel=${about.rel}]`)].some((node) => node.href === href);
  return there ? null : document.head.appendChild(Object.assign(document.createElement("link"), { ...about, href }));
}

link({ rel: "preload", as: "script", href: `${PLOTLY}/plotly.min.js` });
const style = link({ rel: "stylesheet", href: `${PARTS}/chart.css` });
const styled = style && new Promise((then) => { style.onload = style.onerror = then; });
const [{ default: mount }] = await Promise.all([import(`${root}${PARTS}/board.js`), styled]);

export default mount;
