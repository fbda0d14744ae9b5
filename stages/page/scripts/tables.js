// Tables: sorted by any column, filtered, and exported as CSV with the rows as they are shown.
"use strict";

for (const table of document.querySelectorAll("table[id]")) {
  const head = table.rows[0], places = new WeakMap(); // where each row stood at first
  let placed = 0;
  const body = () => [...table.rows].filter((row) => row !== head && !row.classList.contains("group"));
  const said = (cell) => (cell?.dataset.value ?? cell?.textContent ?? "").trim().replaceAll("\u2212", "-");
  const SIZES = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 };

  // The number that a cell begins with, "120 k" as 120000; NaN where it begins with none.
  function number(cell) {
    const found = said(cell).match(/^([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?:\s([kMGTPE])(?!\w))?/);
    return found ? Number(found[1]) * (SIZES[found[2]] ?? 1) : NaN;
  }

  function compared(column) {
    const cells = body().map((row) => row.cells[column]).filter((cell) => !["", "\u2013", "not measured"].includes(said(cell)));
    const numeric = cells.length > 0 && cells.every((cell) => !Number.isNaN(number(cell)));
    const key = (row) => (numeric ? number(row.cells[column]) : said(row.cells[column]));
    const unknown = (row) => (numeric ? Number.isNaN(key(row)) : key(row) === "" || key(row) === "\u2013");
    const order = (a, b) => (numeric ? key(a) - key(b) : key(a).localeCompare(key(b), "en", { numeric: true }));
    return (sign) => (a, b) => unknown(a) - unknown(b) || (unknown(a) ? 0 : sign * order(a, b)) || places.get(a) - places.get(b);
  }

  function sort() {
    const chosen = state.get(`sort.${table.id}`), column = Math.abs(Number(chosen)) - 1, sign = Number(chosen) < 0 ? -1 : 1;
    const known = chosen !== null && column in head.cells;
    const order = known ? compared(column)(sign) : (a, b) => places.get(a) - places.get(b);
    [...head.cells].forEach((cell, i) => {
      if (known && i === column) cell.ariaSort = sign > 0 ? "ascending" : "descending";
      else cell.removeAttribute("aria-sort");
    });
    for (const row of body()) if (!places.has(row)) places.set(row, placed++);
    for (const section of table.tBodies) section.append(...body().filter((row) => row.parentElement === section).sort(order));
  }

  [...head.cells].forEach((cell, i) => {
    if (!cell.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => {
      const next = { none: i + 1, ascending: -(i + 1), descending: "" }[cell.ariaSort ?? "none"];
      state.set(`sort.${table.id}`, next);
      sort();
    });
  });
  state.watch(sort);

  // Text that a spreadsheet would run gets an apostrophe; numbers are plain.
  function field(cell) {
    const text = [...cell.childNodes].filter((node) => node.className !== "down").map((node) => node.textContent.trim()).filter(Boolean).join(" ");
    const plain = text.replace(/\s+/g, " ").replaceAll("\u2212", "-");
    const safe = /^[+-]?[\d.]+$/.test(plain) ? plain.replace(/^\+/, "") : plain.replace(/^([=+\-@])/, "'$1");
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  const csv = () =>
    [...table.rows].filter((row) => !row.hidden).map((row) => [...row.cells].map(field).join(",")).join("\n") + "\n";
  const save = document.createElement("button");
  save.type = "button";
  save.className = "csv";
  save.textContent = "CSV";
  save.setAttribute("aria-label", `CSV of the rows shown: ${table.getAttribute("aria-label") ?? table.id}`);
  save.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", csv()], { type: "text/csv" }));
    link.download = `${table.id}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
  table.csv = csv;
  (table.closest(".table, .scroll") ?? table).before(save);
}

for (const input of document.querySelectorAll("input[data-filter]")) {
  const name = `filter.${input.dataset.filter}`, table = document.getElementById(input.dataset.filter);
  const filter = () => {
    const wanted = input.value.toLowerCase();
    for (const row of [...table.rows].slice(1)) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  };
  input.addEventListener("input", () => {
    state.set(name, input.value);
    filter();
  });
  state.watch(() => {
    input.value = state.get(name) ?? "";
    filter();
  });
}

// What scrolls can be reached with the keyboard, and is called by the heading it stands under.
for (const box of document.querySelectorAll(".table, .scroll")) {
  const name = box.closest("details")?.querySelector("summary") ?? box.previousElementSibling;
  box.tabIndex = 0;
  box.role = "group";
  box.ariaLabel = box.querySelector("table")?.ariaLabel ?? (name?.textContent.trim().slice(0, 80) || "table");
}
