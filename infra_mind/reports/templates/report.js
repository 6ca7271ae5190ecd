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
  const articles = [...document.querySelectorAll("article.finding")];
  form.addEventListener("input", () => {
    const wanted = document.getElementById("filter-text").value.toLowerCase();
    for (const article of articles) article.hidden = !article.textContent.toLowerCase().includes(wanted);
    const shown = articles.filter((article) => !article.hidden).length;
    document.getElementById("filter-count").value = wanted ? `${shown} of ${articles.length}` : "";
  });
}
window.addEventListener("beforeprint", () => {
  for (const closed of document.querySelectorAll("details:not([open])")) closed.open = true;
});
