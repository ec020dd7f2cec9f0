// Sorting and filtering of the ledger, and copying its commands. Without JavaScript the table stands as it is.
document.addEventListener("DOMContentLoaded", () => {
  const STATUS = 1; // the column

  document.querySelectorAll(".rl-ledger").forEach((box) => {
    const body = box.querySelector("tbody");
    const rows = [...body.rows];
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "Table of all statements");

    const key = (row, column) => {
      const text = row.cells[column].textContent.trim();
      const numbers = text.match(/^[A-Za-z]* ?(\d+)\.(\d+)(?!\d*\.)/);
      if (column === 0 && numbers) return Number(numbers[1]) * 1000 + Number(numbers[2]);
      return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text.toLowerCase();
    };
    const compare = (a, b) => (typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1);
    [...box.querySelectorAll("thead th")].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        box.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        rows.sort((a, b) => compare(key(a, column), key(b, column)) * (down ? -1 : 1));
        body.append(...rows);
      });
    });

    const bar = document.createElement("div");
    bar.className = "rl-filter";
    const words = Object.assign(document.createElement("input"), { type: "search", placeholder: "filter the statements" });
    words.setAttribute("aria-label", "Filter the statements by words");
    const status = document.createElement("select");
    status.setAttribute("aria-label", "Filter the statements by status");
    const kinds = [...new Set(rows.map((row) => row.cells[STATUS].textContent.trim()))];
    ["every status", ...kinds].forEach((kind) => status.append(new Option(kind)));
    const count = document.createElement("span");
    count.setAttribute("role", "status");
    const filter = () => {
      const wanted = words.value.toLowerCase();
      rows.forEach((row) => {
        const kept = status.selectedIndex === 0 || row.cells[STATUS].textContent.trim() === status.value;
        row.hidden = !(kept && row.textContent.toLowerCase().includes(wanted));
      });
      count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} statements`;
    };
    words.addEventListener("input", filter);
    status.addEventListener("change", filter);
    box.querySelectorAll(".rl-command code").forEach((command) => {
      if (!navigator.clipboard) return;
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: "copy" });
      button.setAttribute("aria-label", `Copy: ${command.textContent}`);
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(command.textContent);
        button.textContent = "copied";
        setTimeout(() => { button.textContent = "copy"; }, 1500);
      });
      command.after(" ", button);
    });
    bar.append(words, status, count);
    box.before(bar);
    filter();
  });
});
