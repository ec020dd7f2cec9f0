// A display whose visible part is wider than its box is set smaller, down to a share that can still be read; beyond,
// it scrolls. Formulas in a line keep the size of their line; one that is wider than the column scrolls in itself.
// The text appears when the formulas of its first screens are set, so that nothing moves under the reader's eyes.
(() => {
  const LEAST = { screen: 0.68, print: 0.4 };

  // what is seen of a formula: MathJax lays out hidden markup for screen readers beside it, often wider
  const seen = (box) => box.querySelector("mjx-math")?.getBoundingClientRect().width ?? 0;

  const fit = (least, where = document) => {
    const displays = [...where.querySelectorAll('mjx-container[display="true"]')].filter((box) => box.clientWidth > 0);
    displays.forEach((box) => {
      box.dataset.size ??= box.style.fontSize || "100%";
      box.style.fontSize = box.dataset.size;
      box.parentElement.classList.remove("rl-tight");
    });
    const inline = [...where.querySelectorAll('mjx-container:not([display="true"])')].filter((box) => box.offsetParent);
    // all sizes are read before one is changed: the page is laid out three times, not once a formula
    const widths = displays.map(seen);
    const tight = displays.filter((box, i) => box.clientWidth < least * widths[i]);
    // (a cell of a table is as wide as its formula, to a fraction of a point)
    const wide = inline.map((box) => seen(box) > 1 + box.closest("p, li, td, th, dd, figcaption, main")?.clientWidth);
    // where even that does not fit, the number goes above the display and leaves it the whole column
    tight.forEach((box) => box.parentElement.classList.add("rl-tight"));
    const shares = displays.map((box, i) => box.clientWidth / widths[i]);
    displays.forEach((box, i) => {
      if (shares[i] < 1) box.style.fontSize = `calc(${box.dataset.size} * ${Math.max(0.99 * shares[i], least).toFixed(3)})`;
    });
    inline.forEach((box, i) => box.classList.toggle("rl-wide-formula", wide[i]));
  };
  const onScreen = () => fit(LEAST.screen);

  // what scrolls can be scrolled with the keyboard, too
  const stop = () => document.querySelectorAll("main pre, main table, .rl-wide-formula").forEach((box) => {
    if (box.scrollWidth > box.clientWidth && box.clientWidth > 0) box.tabIndex = 0;
  });
  // many folds opened at once (in print) are one event
  const soon = (action) => {
    let waiting;
    return () => { clearTimeout(waiting); waiting = setTimeout(action, 60); };
  };
  window.addEventListener("load", stop);
  window.addEventListener("resize", stop);
  document.addEventListener("toggle", stop, true);

  const start = () => {
    onScreen();
    window.addEventListener("resize", soon(onScreen));
    window.addEventListener("beforeprint", () => fit(LEAST.print));
    window.addEventListener("afterprint", onScreen);
    document.addEventListener("toggle", soon(onScreen), true);
  };
  window.addEventListener("load", () => window.MathJax?.startup?.promise?.then(start));
  window.fitDisplays = fit;

  // on a phone the rows of a table of many columns become cards (custom.css); each cell knows the head of its column
  const COLUMNS = 3;
  const cards = () => document.querySelectorAll("main table").forEach((table) => {
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent.trim());
    if (heads.length < COLUMNS || table.closest(".rl-ledger")) return;
    table.classList.add("rl-cards");
    table.querySelectorAll("tbody tr").forEach((row) => {
      [...row.cells].forEach((cell, i) => { if (i && heads[i] && cell.textContent.trim()) cell.dataset.head = heads[i]; });
    });
  });
  document.addEventListener("DOMContentLoaded", cards);

  // ---------------------------------------------------------------------------------------- the first screens first

  const PATIENCE = 3000; // milliseconds until the text is shown in any case
  const root = document.documentElement;
  const appear = () => root.classList.remove("rl-setting");

  // a line may break after a formula, which is a box of its own; not before the comma that follows it
  const hold = () => document.querySelectorAll("main span.math").forEach((formula) => {
    const after = formula.nextSibling;
    if (after?.nodeType !== Node.TEXT_NODE || !/^[,.;:!?)]/.test(after.data)) return;
    after.splitText(/^[,.;:!?)]+/.exec(after.data)[0].length);
    const held = document.createElement("span");
    held.className = "rl-held";
    formula.replaceWith(held);
    held.append(formula, after);
  });

  const typeset = async () => {
    cards(); // MathJax may be ready before the event
    hold();
    if (!location.hash) {
      const near = [...document.querySelectorAll("main .math")].filter((box) => box.getBoundingClientRect().top < 2.5 * innerHeight);
      await MathJax.typesetPromise(near);
      onScreen();
      appear();
    }
    await MathJax.typesetPromise();
    onScreen();
    appear();
    // the place that the address names has moved while the formulas above it were set
    if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  };
  if (window.MathJax && document.querySelector('script[src*="tex-chtml"]')) {
    root.classList.add("rl-setting");
    setTimeout(appear, PATIENCE);
    MathJax.startup = { pageReady: () => typeset().finally(appear) };
  }
})();
