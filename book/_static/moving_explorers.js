// Two explorers on the grid, side by side: slide over stored checkpoints (made by tools/moving_explorers.py).
(() => {
  const { html, svg, slider, once, start } = window.rlMoving;
  // cividis, which eyes of every kind order alike, at nine places
  const SHADES = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#fee838"];
  const PLOT = { left: 46, top: 26, width: 300, height: 170 };
  const [LEAST, MOST] = [-2, 2]; // of log10 of the gap

  const channels = SHADES.map((shade) => [1, 3, 5].map((at) => parseInt(shade.slice(at, at + 2), 16)));
  const colour = (share) => {
    const at = Math.min(Math.max(share, 0), 1) * (channels.length - 1);
    const low = Math.min(Math.floor(at), channels.length - 2);
    return channels[low].map((part, i) => part + (at - low) * (channels[low + 1][i] - part));
  };

  start("explorers", (stage) => {
    const stored = JSON.parse(stage.parentElement.querySelector('script[type="application/json"]').textContent);
    const { rows, cols } = stored.grid;
    const last = stored.episodes.length - 1;
    const thousands = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");
    const redraw = once(() => draw());
    const time = slider("episodes", { min: 0, max: last, step: 1, value: 10 }, (k) => thousands(stored.episodes[k]), redraw);

    const maps = stored.explorers.map((explorer) => {
      const canvas = html("canvas", { width: cols, height: rows, role: "img" });
      const seen = html("figcaption");
      return { explorer, canvas, seen, box: html("figure", { class: "rl-map" }, html("strong", {}, explorer.name), canvas, seen) };
    });

    const across = (k) => PLOT.left + (k / last) * PLOT.width;
    const up = (gap) => PLOT.top + ((MOST - Math.log10(gap)) / (MOST - LEAST)) * PLOT.height;
    const kinds = ["rl-one", "rl-two"];
    const lines = stored.explorers.map((explorer, i) => svg("path", { class: `rl-curve ${kinds[i]}`, d: `M${explorer.gap.map((gap, k) => `${across(k).toFixed(1)} ${up(gap).toFixed(1)}`).join("L")}` }));
    const dots = kinds.map((kind) => svg("circle", { class: `rl-spot ${kind}`, r: 5 }));
    const names = stored.explorers.map((explorer, i) => svg("text", { class: kinds[i], x: [46, 150][i], y: 12 }, explorer.name));
    const ticks = [0, 5, 10, 15].filter((k) => k <= last).map((k) => svg("text", { "text-anchor": "middle", x: across(k), y: PLOT.top + PLOT.height + 18 }, thousands(stored.episodes[k])));
    const marks = [-2, -1, 0, 1, 2].map((power) => svg("text", { "text-anchor": "end", x: PLOT.left - 6, y: up(10 ** power) + 4 }, String(10 ** power)));
    const plot = svg("svg", { class: "rl-gap", viewBox: "0 0 360 226", role: "img", "aria-label": "gap to the largest visitation entropy against the number of episodes, both axes logarithmic" },
      ...names, svg("text", { "text-anchor": "end", x: 350, y: 12 }, "gap (nats)"),
      svg("path", { class: "rl-axis", d: `M${PLOT.left} ${PLOT.top}v${PLOT.height}h${PLOT.width}` }), ...ticks, ...marks, ...lines, ...dots);
    const gaps = stored.explorers.map(() => html("data", { value: "" }));

    // one scale for both maps and all times: shares of visits from 1e-6 to 10^-1.5, as in the figures of the book
    const draw = () => {
      const k = time.number();
      maps.forEach(({ explorer, canvas, seen }, i) => {
        const visits = explorer.visits[k];
        const total = visits.reduce((a, b) => a + b, 0);
        const brush = canvas.getContext("2d");
        const picture = brush.createImageData(cols, rows);
        visits.forEach((count, cell) => {
          const shade = count ? colour((Math.log10(count / total) + 6) / 4.5) : null;
          picture.data.set(shade ? [...shade, 255] : [0, 0, 0, 0], 4 * cell);
        });
        brush.putImageData(picture, 0, 0);
        const found = visits.filter((count) => count > 0).length;
        seen.textContent = `${found} of ${visits.length} cells seen`;
        canvas.setAttribute("aria-label", `visits of ${explorer.name} after ${stored.episodes[k]} episodes: ${seen.textContent}`);
        dots[i].setAttribute("cx", across(k));
        dots[i].setAttribute("cy", up(explorer.gap[k]));
        gaps[i].setAttribute("value", explorer.gap[k]);
        gaps[i].textContent = explorer.gap[k].toPrecision(3);
      });
    };

    const line = (name, cell) => html("tr", {}, html("th", { scope: "row" }, name), html("td", {}, cell));
    const table = html("table", { class: "rl-numbers" }, html("tbody", {},
      ...stored.explorers.map((explorer, i) => line(`gap of ${explorer.name} (nats)`, gaps[i]))));
    stage.replaceChildren(html("div", { class: "rl-below" }, time.row),
      html("div", { class: "rl-trio" }, ...maps.map((one) => one.box), html("div", { class: "rl-curves" }, plot, table)));
    draw();
  });
})();
