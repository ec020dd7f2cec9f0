// Entropies and their changes in closed form, as rlentropy computes them: a browser test compares the two to 1e-12.
// A policy is a list of log-probabilities, -Infinity where an action is impossible. Entropies in nats.
window.rlNumbers = (() => {
  const sum = (terms) => terms.reduce((total, term) => total + term, 0);

  // x_i - log sum_j exp(x_j); the largest entry is left out of the sum, so that small rests are kept
  const logSoftmax = (x) => {
    const top = Math.max(...x);
    const where = x.indexOf(top);
    const rest = sum(x.map((value, i) => (i === where ? 0 : Math.exp(value - top))));
    return x.map((value) => value - top - Math.log1p(rest));
  };
  // E_p f; actions of probability 0 are left out
  const mean = (logP, f) => sum(logP.map((log, i) => (log === -Infinity ? 0 : Math.exp(log) * f[i])));
  const entropy = (logP) => -mean(logP, logP) + 0;
  const covariance = (logP, f, g) => {
    const means = [mean(logP, f), mean(logP, g)];
    return mean(logP, f.map((value, i) => (value - means[0]) * (g[i] - means[1])));
  };

  // one NPG step, pi exp(eta A) / sum, and what it does to the entropy
  const step = (policy, adv, eta) => {
    const before = policy.map(Math.log);
    const after = logSoftmax(before.map((log, i) => log + eta * adv[i]));
    const slope = -covariance(before, before, adv);
    const spread = Math.max(...adv) - Math.min(...adv);
    return {
      policy: after.map(Math.exp),
      before: entropy(before),
      after: entropy(after),
      change: entropy(after) - entropy(before),
      first: eta * slope,
      // cor-sign-certificate: for a smaller eta the change has the sign of the first order
      radius: spread > 0 ? (2 * Math.abs(slope)) / (spread ** 2 * Math.log(adv.length)) : 0,
    };
  };

  // the best policy for E_p q + tau H(p), softmax(q / tau), and what it is worth
  const temperature = (values, tau) => {
    const best = logSoftmax(values.map((value) => value / tau));
    const reward = mean(best, values);
    return { policy: best.map(Math.exp), entropy: entropy(best), reward, soft: reward + tau * entropy(best) };
  };

  return { step, temperature, entropy, covariance };
})();

// What the things that move share: elements, and a slider with its label and its value.
window.rlMoving = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const filled = (node, attributes, children) => {
    Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
    node.append(...children);
    return node;
  };
  const html = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

  // a number as it is read, and whole in its attribute
  const show = (place, number, digits = 4) => {
    place.setAttribute("value", number);
    place.textContent = (number < 0 ? "−" : "") + Math.abs(number).toFixed(digits);
  };

  // a labelled slider; `say` turns its position into the words beside it
  const slider = (name, range, say, moved) => {
    const value = html("output");
    const input = html("input", { type: "range", ...range, "aria-label": name });
    const tell = () => {
      value.textContent = say(Number(input.value));
      input.setAttribute("aria-valuetext", value.textContent);
    };
    input.addEventListener("input", () => { tell(); moved(); });
    tell();
    const row = html("label", { class: "rl-slider" }, html("span", {}, name), input, value);
    return { row, input, number: () => Number(input.value) };
  };

  // many events, one picture
  const once = (draw) => {
    let waiting = false;
    return () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(); });
    };
  };

  const start = (kind, build) => {
    const fill = () => document.querySelectorAll(`.rl-moving[data-moving="${kind}"] .rl-stage`).forEach(build);
    document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", fill) : fill();
  };
  return { html, svg, show, slider, once, start };
})();
