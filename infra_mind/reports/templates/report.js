"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const order = (a, b) => key(a).localeCompare(key(b), "en", { numeric: true });
      const numeric = (a, b) => Number(key(a)) - Number(key(b));
      const rows = [...body.rows];
      const compare = rows.every((row) => "value" in row.cells[column].dataset) ? numeric : order;
      rows.sort((a, b) => (up ? compare(a, b) : compare(b, a)));
      body.append(...rows);
    });
  });
}
const form = document.querySelector("form.filter");
if (form) {
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  const text = (element) => element.textContent.toLowerCase();
  const rules = [...document.querySelectorAll("article.finding")].map((article) => ({
    article,
    rest: article.querySelector("details.rest"),
    head: [...article.children].filter((child) => !child.matches(".seen, .rest")).map(text).join(" "),
    places: [...article.querySelectorAll(".seen")].map((place) => ({ place, words: text(place) })),
  }));
  const all = rules.reduce((sum, rule) => sum + rule.places.length, 0);
  form.addEventListener("input", () => {
    const wanted = document.getElementById("filter-text").value.toLowerCase();
    let shown = 0;
    for (const rule of rules) {
      const whole = rule.head.includes(wanted);
      const found = rule.places.filter(({ place, words }) => !(place.hidden = !(whole || words.includes(wanted))));
      rule.article.hidden = found.length === 0;
      if (rule.rest) rule.rest.open = !whole && found.some(({ place }) => rule.rest.contains(place));
      shown += found.length;
    }
    document.getElementById("filter-count").value = wanted ? `${shown} of ${all}` : "";
  });
}
const reveal = () => {
  const target = document.getElementById(location.hash.slice(1));
  let closed = target?.closest("details:not([open])");
  if (!closed) return;
  for (; closed; closed = target.closest("details:not([open])")) closed.open = true;
  target.scrollIntoView();
};
window.addEventListener("hashchange", reveal);
reveal();
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open], .rest, .rest *)")];
  for (const closed of opened) closed.open = true;
});
window.addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
});
