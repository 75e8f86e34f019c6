"use strict";

/** Write a text so that case and accents do not matter to a search. */
function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Let the search field and the choice of a relation hide rows of a table. */
function search(tools) {
  const table = document.getElementById(tools.dataset.for);
  const rows = Array.from(table.tBodies[0].rows, (row) => ({ row, text: fold(row.textContent) }));
  const field = tools.querySelector("input");
  const choice = tools.querySelector("select");
  const count = tools.querySelector(".count");
  const update = () => {
    const words = fold(field.value).split(/\s+/).filter(Boolean);
    const relation = choice ? choice.value : "";
    let shown = 0;
    for (const { row, text } of rows) {
      const fits = (!relation || row.dataset.relation === relation) && words.every((word) => text.includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
  };
  field.addEventListener("input", update);
  if (choice) choice.addEventListener("change", update);
  tools.hidden = false;
  update();
}

/** Make the headers of a table buttons that sort it. */
function sortable(header) {
  const body = header.closest("table").tBodies[0];
  const button = document.createElement("button");
  button.type = "button";
  button.append(...header.childNodes);
  header.append(button);
  const numeric = header.dataset.sort === "number";
  const value = (row) => {
    const cell = row.cells[header.cellIndex];
    return numeric ? Number.parseFloat(cell.dataset.value) : cell.textContent.trim();
  };
  button.addEventListener("click", () => {
    // numbers are wanted from the top first
    const first = numeric ? "descending" : "ascending";
    const other = numeric ? "ascending" : "descending";
    const direction = header.getAttribute("aria-sort") === first ? other : first;
    for (const cell of header.parentElement.cells) cell.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const rows = Array.from(body.rows, (row) => [value(row), row]);
    rows.sort(([a], [b]) => {
      if (!numeric) return sign * a.localeCompare(b, undefined, { numeric: true });
      // what has no number stays below
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return sign * (a - b);
    });
    body.append(...rows.map(([, row]) => row));
  });
}

document.querySelectorAll(".tools").forEach(search);
document.querySelectorAll("th[data-sort]").forEach(sortable);
