// A formula that is wider than its box is set smaller, down to a share that can still be read; beyond, it scrolls.
(() => {
  const LEAST = { screen: 0.72, print: 0.4 };

  const fit = (least) => {
    const boxes = [...document.querySelectorAll("mjx-container")].filter((box) => box.clientWidth > 0);
    boxes.forEach((box) => {
      box.dataset.size ??= box.style.fontSize || "100%";
      box.style.fontSize = box.dataset.size;
    });
    // all sizes are read before one is changed: the page is laid out twice, not once a formula
    const shares = boxes.map((box) => box.clientWidth / box.scrollWidth);
    boxes.forEach((box, i) => {
      if (shares[i] < 1) box.style.fontSize = `calc(${box.dataset.size} * ${Math.max(0.99 * shares[i], least).toFixed(3)})`;
    });
  };
  const onScreen = () => fit(LEAST.screen);

  // what scrolls can be scrolled with the keyboard, too
  const stop = () => document.querySelectorAll("main pre, main table").forEach((box) => {
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
    document.addEventListener("click", (event) => {
      if (event.target.closest(".toggle-button, .admonition.toggle, .dropdown")) soon(onScreen)();
    });
  };
  window.addEventListener("load", () => window.MathJax?.startup?.promise?.then(start));
  window.fitDisplays = fit;
})();
