"use strict";

/** Write a text so that case and accents do not matter to a search. */
function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Split a search into words. */
function wordsOf(text) {
  return fold(text).split(/\s+/).filter(Boolean);
}

/** Write how many rows there are. */
function rowsOf(count) {
  return `${count.toLocaleString("en")} ${count === 1 ? "row" : "rows"}`;
}

/** Let a search field hide rows of a table. */
function search(tools) {
  const table = document.getElementById(tools.dataset.for);
  const rows = Array.from(table.tBodies[0].rows, (row) => ({ row, text: fold(row.textContent) }));
  const field = tools.querySelector("input");
  const count = tools.querySelector(".count");
  const update = () => {
    const words = wordsOf(field.value);
    let shown = 0;
    for (const { row, text } of rows) {
      const fits = words.every((word) => text.includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown.toLocaleString("en")} of ${rowsOf(rows.length)}`;
  };
  field.addEventListener("input", update);
  tools.hidden = false;
  update();
}

/** Unpack JSON that is packed with gzip and written in base64. */
function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

/** Make an element with what belongs into it. */
function element(tag, ...content) {
  const made = document.createElement(tag);
  made.append(...content);
  return made;
}

/** Find rows among all that the page holds, and show the first of them. */
function find(data, table, shown) {
  const names = { 1: data.relations };
  const nameOf = (column, i) => (names[column] || data.entities)[i];
  const folded = { entities: data.entities.map(fold), relations: data.relations.map(fold) };

  /** Tell whether a name of a row, as it is or before it was corrupted, is among some. */
  const has = (i, entities, relations) => {
    const positive = data.positive[i];
    return (
      entities[data.heads[positive]] ||
      relations[data.middles[positive]] ||
      entities[data.tails[positive]] ||
      (data.side[i] === 1 ? relations : entities)[data.part[i]]
    );
  };

  /** Write a triple in words; what stands at a marked place is put there. */
  const words = (i, part) => {
    const positive = data.positive[i];
    const parts = [data.heads[positive], data.middles[positive], data.tails[positive]];
    if (part !== undefined) parts[data.side[i]] = part;
    return parts.flatMap((id, column) => {
      const name = element("bdi", nameOf(column, id));
      const cell = element(column === 1 ? "em" : "span", column === data.side[i] ? element("mark", name) : name);
      return column ? [" ", cell] : [cell];
    });
  };

  /** Say why a row was chosen or thrown out. */
  const why = (i) =>
    data.reasons[data.kind[i]].replace("{place}", data.place[i]).replace("{harder}", data.harder[data.score[i]]);

  return (text, entity, relation, kinds) => {
    const matches = wordsOf(text).map((word) => [
      folded.entities.map((name) => name.includes(word)),
      folded.relations.map((name) => name.includes(word)),
    ]);
    if (entity) {
      const whole = fold(entity);
      const known = folded.entities.includes(whole);
      matches.push([folded.entities.map((name) => (known ? name === whole : name.includes(whole))), []]);
    }
    if (relation !== "") {
      const only = [];
      only[relation] = true;
      matches.push([[], only]);
    }
    const rows = [];
    let count = 0;
    for (let i = 0; i < data.positive.length; i++) {
      if (kinds.length && !kinds.includes(data.kind[i])) continue;
      if (!matches.every(([entities, relations]) => has(i, entities, relations))) continue;
      count++;
      if (rows.length === shown) continue;
      const head = element("th", ...words(i, data.part[i]));
      head.scope = "row";
      const numbers = data.judged ? [data.scores[data.score[i]], data.risks[data.risk[i]]] : [data.scores[data.score[i]]];
      const cells = numbers.map((value) => {
        const cell = element("td", value ?? "–");
        cell.className = "number";
        return cell;
      });
      rows.push(element("tr", head, element("td", ...words(i)), ...cells, element("td", why(i))));
    }
    table.tBodies[0].replaceChildren(...rows);
    return count;
  };
}

/** Make the page's negatives searchable; the data are unpacked when they are first needed. */
function finder(tools, found) {
  const shown = 200;
  const [words, entity] = tools.querySelectorAll("input");
  const [relation, kind] = tools.querySelectorAll("select");
  const count = tools.querySelector(".count");
  let ready;
  const prepare = async () => {
    const data = await unpack(tools.dataset.rows);
    const options = (names) =>
      names.map((name, i) => {
        const option = element("option", name);
        option.value = i;
        return option;
      });
    relation.append(...options(data.relations).sort((a, b) => a.text.localeCompare(b.text)));
    const listed = Array.from(new Set(data.entities)).sort((a, b) => a.localeCompare(b));
    // a browser is slow to offer very many
    entity.list.append(
      ...listed.slice(0, 5000).map((name) => {
        const option = document.createElement("option");
        option.value = name;
        return option;
      }),
    );
    return find(data, found.querySelector("table"), shown);
  };
  const update = async () => {
    ready ??= prepare();
    const rows = await ready;
    const wanted = words.value.trim() || entity.value.trim() || relation.value || kind.value;
    found.hidden = !wanted;
    count.textContent = "";
    if (!wanted) return;
    const kinds = kind.value.split(" ").filter(Boolean).map(Number);
    const total = rows(words.value, entity.value.trim(), relation.value, kinds);
    found.hidden = !total;
    const first = total > shown ? `, the first ${shown} of them below` : "";
    count.textContent = total ? `${rowsOf(total)} found${first}` : "Nothing found";
  };
  tools.addEventListener("focusin", update);
  tools.addEventListener("input", update);
  tools.hidden = false;
}

/** Let a button copy what stands somewhere. */
function copying(button) {
  const status = button.parentElement.querySelector("[role=status]");
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      status.textContent = "Copied";
    } catch {
      window.getSelection().selectAllChildren(source);
      status.textContent = "Selected: copy it with the keyboard";
    }
  });
  button.parentElement.hidden = false;
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
    // sort numbers in descending order first
    const first = numeric ? "descending" : "ascending";
    const other = numeric ? "ascending" : "descending";
    const direction = header.getAttribute("aria-sort") === first ? other : first;
    for (const cell of header.parentElement.cells) cell.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const rows = Array.from(body.rows, (row) => [value(row), row]);
    rows.sort(([a], [b]) => {
      if (!numeric) return sign * a.localeCompare(b, undefined, { numeric: true });
      // rows without a number stay at the end
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return sign * (a - b);
    });
    body.append(...rows.map(([, row]) => row));
  });
}

document.querySelectorAll(".tools[data-for]").forEach(search);
finder(document.getElementById("finder"), document.getElementById("found"));
document.querySelectorAll("[data-copy]").forEach(copying);
document.querySelectorAll("th[data-sort]").forEach(sortable);
