// Two scenes of one lesson side by side: the same pictures in pairs, on the same axes, by the same clock.

const KEPT = "kept-";

// The pictures of both scenes in turn, the kept one (A) to the left of the present one (B); `mate` names the other.
export function paired(now, kept) {
  const labels = kept.player?.labels ?? [];
  const same = (now.player?.labels ?? []).map((label, f) => {
    const at = labels[f] === label ? f : labels.indexOf(label);
    return at < 0 ? Math.min(f, Math.max(0, labels.length - 1)) : at;
  });
  return now.panels.flatMap((panel) => {
    const other = kept.panels.find((p) => p.id === panel.id);
    if (!other) return [panel];
    const half = { span: 6, rows: 1 };
    return [{ ...other, ...half, id: KEPT + panel.id, mate: panel.id, click: false, clock: same, title: `A · ${other.title || "kept"}` },
            { ...panel, ...half, mate: KEPT + panel.id, title: `B · ${panel.title || "now"}` }];
  });
}

const AXES = ["xaxis", "yaxis", "scene.xaxis", "scene.yaxis", "scene.zaxis"];
export const axisOf = (layout, path) => path.split(".").reduce((node, key) => node?.[key], layout);

// Path of each axis -> its type and range.
export function axesOf(layout) {
  return Object.fromEntries(AXES.flatMap((path) => {
    const axis = axisOf(layout, path);
    return axis?.range ? [[path, { type: axis.type, range: [...axis.range] }]] : [];
  }));
}

// Takes the axes of a figure and of its mate to the union of what both would show. True where that changed something.
export function shareAxes(one, two) {
  let changed = false;
  for (const path of AXES) {
    const [a, b] = [one.own?.[path], two.own?.[path]];
    if (!a || !b || a.type !== b.type || a.type === "category") continue;
    const ends = [...a.range, ...b.range].map(Number);
    if (!ends.every(Number.isFinite)) continue;
    const range = a.range[0] > a.range[1] ? [Math.max(...ends), Math.min(...ends)] : [Math.min(...ends), Math.max(...ends)];
    for (const view of [one, two]) {
      const before = (view.shared ??= {})[path];
      if (before && before[0] === range[0] && before[1] === range[1]) continue;
      view.shared[path] = range;
      changed = true;
    }
  }
  return changed;
}

// What the hand does to one figure of a pair, zoom or camera, happens to the other.
export function linkZoom(view) {
  view.node.on("plotly_relayout", (event) => {
    const { mate } = view;
    if (!mate?.node.data || view.zooming) return;
    const moved = Object.fromEntries(Object.entries(event).filter(([key]) => /^[xy]axis\.(range|autorange)|^scene\.camera/.test(key)));
    if (!Object.keys(moved).length) return;
    mate.zooming = true;
    window.Plotly.relayout(mate.node, moved).finally(() => { mate.zooming = false; });
  });
}
