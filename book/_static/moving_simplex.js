// A policy on the triangle of three actions: drag it, set advantages and step, and read what one NPG step does.
(() => {
  const { html, svg, show, slider, once, start } = window.rlMoving;
  const N = window.rlNumbers;
  const SIDE = 360;
  const HIGH = (SIDE * Math.sqrt(3)) / 2;
  const CORNERS = [[200, 34], [20, 34 + HIGH], [380, 34 + HIGH]];
  const MESH = 48; // pieces of a side, for the curves
  const COLUMNS = 150; // of the map of signs
  const ROWS = Math.round((COLUMNS * HIGH) / SIDE);
  const CENTRE = [1 / 3, 1 / 3, 1 / 3];

  const place = (p) => [0, 1].map((axis) => p.reduce((sum, share, i) => sum + share * CORNERS[i][axis], 0));
  const weights = ([x, y]) => {
    const first = 1 - (y - CORNERS[0][1]) / HIGH;
    const third = (x - CORNERS[1][0]) / SIDE - first / 2;
    return [first, 1 - first - third, third];
  };
  // the policy at a place; beside the triangle, weights below 0 are taken as 0
  const policyAt = (spot) => {
    const shares = weights(spot).map((share) => (share < 1e-12 ? 0 : share));
    const total = shares.reduce((a, b) => a + b);
    return shares.map((share) => share / total);
  };

  // the curve on which a function of the policy has a value, by linear pieces on small triangles
  const curve = (f, level) => {
    const table = new Map();
    const vertex = (i, j) => {
      const at = i * (MESH + 1) + j;
      if (!table.has(at)) {
        const p = [i, j, MESH - i - j].map((k) => Math.max(k, 1e-7) / MESH);
        table.set(at, { place: place(p), height: f(p) - level });
      }
      return table.get(at);
    };
    const crossing = (a, b) => {
      const t = a.height / (a.height - b.height);
      return a.place.map((x, axis) => (x + t * (b.place[axis] - x)).toFixed(1)).join(" ");
    };
    const pieces = [];
    const cut = (corners) => {
      const found = corners.map((a, k) => [a, corners[(k + 1) % 3]]).filter(([a, b]) => a.height < 0 !== b.height < 0);
      if (found.length === 2) pieces.push(`M${crossing(...found[0])}L${crossing(...found[1])}`);
    };
    for (let i = 0; i < MESH; i += 1)
      for (let j = 0; i + j < MESH; j += 1) {
        cut([vertex(i, j), vertex(i + 1, j), vertex(i, j + 1)]);
        if (i + j + 2 <= MESH) cut([vertex(i + 1, j), vertex(i, j + 1), vertex(i + 1, j + 1)]);
      }
    return pieces.join("");
  };

  const channels = (colour) => {
    const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    return brush.getImageData(0, 0, 1, 1).data;
  };

  // where the entropy rises and where it falls in this step; stronger where the sign is certified
  const map = (canvas, adv, eta, rises, falls) => {
    const brush = canvas.getContext("2d");
    const picture = brush.createImageData(COLUMNS, ROWS);
    for (let row = 0; row < ROWS; row += 1)
      for (let column = 0; column < COLUMNS; column += 1) {
        const spot = [CORNERS[1][0] + ((column + 0.5) * SIDE) / COLUMNS, CORNERS[0][1] + ((row + 0.5) * HIGH) / ROWS];
        if (Math.min(...weights(spot)) < -0.03) continue; // only the seam of the triangle is seen
        const p = policyAt(spot);
        const found = N.step(p.map((share) => Math.max(share, 1e-9)), adv, eta);
        const [r, g, b] = found.change > 0 ? rises : falls;
        const strength = Math.abs(found.change) < 1e-12 ? 0 : eta < found.radius ? 150 : 62;
        picture.data.set([r, g, b, strength], 4 * (row * COLUMNS + column));
      }
    brush.putImageData(picture, 0, 0);
    return canvas.toDataURL();
  };

  start("simplex", (stage) => {
    let policy = [0.1, 0.2, 0.7];
    const said = html("p", { class: "rl-said", role: "status" });
    const number = () => html("data", { value: "" });
    const rows = { before: number(), after: number(), change: number(), first: number(), radius: number() };
    const shares = { now: number(), then: number() };

    const words = (value) => value.toFixed(2).replace("-", "−");
    const range = { min: -2, max: 2, step: 0.05 };
    const redraw = once(() => draw(true));
    const adv = [1, 0.4, 0].map((value, i) => slider(`advantage ${i + 1}`, { ...range, value }, words, redraw));
    const eta = slider("step η", { min: 0.05, max: 5, step: 0.05, value: 0.35 }, words, redraw);

    const picture = svg("image", { x: CORNERS[1][0], y: CORNERS[0][1], width: SIDE, height: HIGH, preserveAspectRatio: "none", "clip-path": "url(#rl-triangle)" });
    const outline = CORNERS.map((corner) => corner.join(",")).join(" ");
    const level = (value) => curve((p) => N.entropy(p.map(Math.log)), value);
    const zero = svg("path", { class: "rl-zero" });
    const path = svg("path", { class: "rl-path" });
    const end = svg("circle", { class: "rl-end", r: 5 });
    const handle = svg("g", { class: "rl-handle", tabindex: 0, role: "slider", "aria-label": "policy, probability of action 1; arrow keys move it, 1, 2, 3 go to the corners, 0 to the centre", "aria-valuemin": 0, "aria-valuemax": 1 },
      svg("circle", { class: "rl-reach", r: 24 }), svg("circle", { class: "rl-dot", r: 8 }));
    const names = [["middle", 200, 22], ["start", 6, 34 + HIGH + 20], ["end", 394, 34 + HIGH + 20]]
      .map(([anchor, x, y], i) => svg("text", { "text-anchor": anchor, x, y }, `action ${i + 1}`));
    const triangle = svg("svg", { class: "rl-triangle", viewBox: "0 0 400 372" },
      svg("clipPath", { id: "rl-triangle" }, svg("polygon", { points: outline })), picture,
      ...[0.2, 0.4, 0.6, 0.8, 1].map((value) => svg("path", { class: "rl-level", d: level(value) })),
      zero, svg("polygon", { class: "rl-edge", points: outline }), ...names, path, end, handle);
    const canvas = html("canvas", { width: COLUMNS, height: ROWS });

    const draw = (all) => {
      const a = adv.map((one) => one.number());
      const size = eta.number();
      const found = N.step(policy, a, size);
      if (all) {
        const style = getComputedStyle(stage);
        const [rises, falls] = ["--rl-rises", "--rl-falls"].map((name) => channels(style.getPropertyValue(name)));
        picture.setAttribute("href", map(canvas, a, size, rises, falls));
        zero.setAttribute("d", curve((p) => N.step(p, a, 1).first, 0));
      }
      const [x, y] = place(policy);
      handle.setAttribute("transform", `translate(${x} ${y})`);
      handle.setAttribute("aria-valuenow", policy[0].toFixed(3));
      handle.setAttribute("aria-valuetext", policy.map((share) => share.toFixed(3)).join(", "));
      const along = Array.from({ length: 25 }, (_, k) => place(N.step(policy, a, (size * k) / 24).policy));
      path.setAttribute("d", `M${along.map((spot) => spot.map((z) => z.toFixed(1)).join(" ")).join("L")}`);
      const [endX, endY] = along.at(-1);
      end.setAttribute("cx", endX);
      end.setAttribute("cy", endY);
      Object.entries(rows).forEach(([name, cell]) => show(cell, found[name], 5));
      [[shares.now, policy], [shares.then, found.policy]].forEach(([cell, of]) => {
        cell.setAttribute("value", of.join(" "));
        cell.textContent = of.map((share) => share.toFixed(3)).join("  ");
      });
      said.textContent = verdict(found, size);
    };
    const verdict = (found, size) => {
      const still = Math.abs(found.change) < 1e-12;
      const moves = still ? "Entropy stays." : `Entropy ${found.change > 0 ? "rises" : "falls"}.`;
      if (size < found.radius) return `${moves} Certified: the step is below its radius, so the first order has the right sign.`;
      const right = Math.sign(found.first) === Math.sign(found.change) || still;
      return `${moves} Not certified: the step is beyond the radius, and the first order has the ${right ? "right" : "wrong"} sign.`;
    };

    const here = (event) => {
      const box = triangle.getBoundingClientRect();
      return [((event.clientX - box.left) * 400) / box.width, ((event.clientY - box.top) * 372) / box.height];
    };
    const glide = once(() => draw(false));
    const go = (spot) => { policy = policyAt(spot); glide(); };
    let held = false;
    handle.addEventListener("pointerdown", (event) => {
      held = true;
      handle.setPointerCapture(event.pointerId);
      handle.focus({ preventScroll: true });
      event.preventDefault();
    });
    // a finger on the policy moves the policy, not the page; browsers read `touch-action` of HTML only
    handle.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    handle.addEventListener("pointermove", (event) => held && go(here(event)));
    ["pointerup", "pointercancel"].forEach((name) => handle.addEventListener(name, () => { held = false; }));
    triangle.addEventListener("click", (event) => event.target.closest(".rl-handle") || go(here(event)));
    const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    handle.addEventListener("keydown", (event) => {
      const spot = place(policy);
      const far = event.shiftKey ? 1.8 : 9;
      if (MOVES[event.key]) go(spot.map((z, axis) => z + far * MOVES[event.key][axis]));
      else if ("123".includes(event.key)) go(CORNERS[Number(event.key) - 1]);
      else if (event.key === "0" || event.key === "Home") go(place(CENTRE));
      else return;
      event.preventDefault();
    });

    const line = (name, cell) => html("tr", {}, html("th", { scope: "row" }, name), html("td", {}, cell));
    const table = html("table", { class: "rl-numbers" }, html("tbody", {},
      line("policy", shares.now), line("after the step", shares.then),
      line("entropy before", rows.before), line("entropy after", rows.after),
      line("exact change", rows.change), line("first order, −η Cov", rows.first), line("certified below η =", rows.radius)));
    const key = html("p", { class: "rl-key" },
      html("span", { class: "rl-rises" }, "entropy rises"), html("span", { class: "rl-falls" }, "falls"),
      html("span", {}, "strong: sign certified"), html("span", { class: "rl-dashes" }, "Cov = 0"));
    stage.replaceChildren(html("div", { class: "rl-picture" }, triangle, key),
      html("div", { class: "rl-side" }, ...adv.map((one) => one.row), eta.row, table, said));
    draw(true);
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  });
})();
