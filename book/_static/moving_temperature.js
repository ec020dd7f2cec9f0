// The policy of largest reward plus tau times entropy on one state: slide over the temperature.
(() => {
  const { html, svg, show, slider, once, start } = window.rlMoving;
  const N = window.rlNumbers;
  const SETS = { "a clear best action": [2, 1, 0.5, 0], "two nearly equal": [2, 1.9, 0.5, 0], "two equal": [2, 2, 0.5, 0] };
  const [LOW, HIGH] = [-2, 1.5]; // of log10 tau
  const BARS = { left: 34, top: 26, width: 300, height: 170 };
  const PLOT = { left: 40, top: 26, width: 300, height: 170 };

  start("temperature", (stage) => {
    const redraw = once(() => draw());
    const choice = html("select", { "aria-label": "values of the four actions" },
      ...Object.entries(SETS).map(([name, values]) => html("option", { value: name }, `${name}: ${values.join(", ")}`)));
    choice.addEventListener("change", redraw);
    const tau = slider("temperature τ", { min: LOW, max: HIGH, step: 0.01, value: 0 }, (power) => (10 ** power).toPrecision(3), redraw);

    const bars = [0, 1, 2, 3].map((i) => svg("rect", { class: "rl-bar", x: BARS.left + 18 + i * 74, width: 46 }));
    const shares = [0, 1, 2, 3].map((i) => svg("text", { "text-anchor": "middle", x: BARS.left + 41 + i * 74 }));
    const names = [0, 1, 2, 3].map((i) => svg("text", { "text-anchor": "middle", x: BARS.left + 41 + i * 74, y: BARS.top + BARS.height + 18 }));
    const floor = `M${BARS.left} ${BARS.top + BARS.height}h${BARS.width}`;
    const policy = svg("svg", { viewBox: "0 0 360 226", role: "img", "aria-label": "probabilities of the four actions" },
      svg("text", { class: "rl-head", x: 8, y: 12 }, "policy"), ...bars, ...shares, ...names, svg("path", { class: "rl-axis", d: floor }));

    const curves = { entropy: svg("path", { class: "rl-curve rl-two" }), reward: svg("path", { class: "rl-curve rl-one" }) };
    const dots = { entropy: svg("circle", { class: "rl-spot rl-two", r: 5 }), reward: svg("circle", { class: "rl-spot rl-one", r: 5 }) };
    const across = (power) => PLOT.left + ((power - LOW) / (HIGH - LOW)) * PLOT.width;
    const up = (share) => PLOT.top + (1 - share) * PLOT.height;
    const ticks = [-2, -1, 0, 1].map((power) => svg("text", { "text-anchor": "middle", x: across(power), y: PLOT.top + PLOT.height + 18 }, String(10 ** power)));
    const marks = [0, 1].map((share) => svg("text", { "text-anchor": "end", x: PLOT.left - 6, y: up(share) + 4 }, String(share)));
    const frame = `M${PLOT.left} ${PLOT.top}v${PLOT.height}h${PLOT.width}`;
    const plot = svg("svg", { viewBox: "0 0 360 226", role: "img", "aria-label": "entropy as a share of log 4 and reward as a share of the largest, against the temperature" },
      svg("text", { class: "rl-two", x: 40, y: 12 }, "entropy / log 4"), svg("text", { class: "rl-one", x: 168, y: 12 }, "reward / largest"),
      svg("text", { "text-anchor": "end", x: 350, y: PLOT.top + PLOT.height + 18 }, "τ"),
      svg("path", { class: "rl-axis", d: frame }), ...ticks, ...marks, ...Object.values(curves), ...Object.values(dots));

    const number = () => html("data", { value: "" });
    const rows = { entropy: number(), reward: number(), soft: number() };
    const scaled = (found, values) => ({ entropy: found.entropy / Math.log(4), reward: found.reward / Math.max(...values) });

    const draw = () => {
      const values = SETS[choice.value];
      const found = N.temperature(values, 10 ** tau.number());
      found.policy.forEach((share, i) => {
        bars[i].setAttribute("y", BARS.top + (1 - share) * BARS.height);
        bars[i].setAttribute("height", share * BARS.height);
        shares[i].setAttribute("y", BARS.top + (1 - share) * BARS.height - 5);
        shares[i].textContent = share.toFixed(3);
        names[i].textContent = `value ${values[i]}`;
      });
      const along = Array.from({ length: 71 }, (_, k) => LOW + (k * (HIGH - LOW)) / 70);
      const lines = along.map((power) => scaled(N.temperature(values, 10 ** power), values));
      const now = scaled(found, values);
      Object.keys(curves).forEach((name) => {
        curves[name].setAttribute("d", `M${lines.map((one, k) => `${across(along[k]).toFixed(1)} ${up(one[name]).toFixed(1)}`).join("L")}`);
        dots[name].setAttribute("cx", across(tau.number()));
        dots[name].setAttribute("cy", up(now[name]));
      });
      Object.entries(rows).forEach(([name, cell]) => show(cell, found[name], 5));
    };

    const line = (name, cell) => html("tr", {}, html("th", { scope: "row" }, name), html("td", {}, cell));
    const table = html("table", { class: "rl-numbers" }, html("tbody", {},
      line("entropy of the policy (nats)", rows.entropy), line("mean reward", rows.reward), line("soft value = reward + τ · entropy", rows.soft)));
    stage.replaceChildren(html("div", { class: "rl-pair" }, policy, plot),
      html("div", { class: "rl-below" }, tau.row, html("label", { class: "rl-choice" }, html("span", {}, "values"), choice), table));
    draw();
  });
})();
