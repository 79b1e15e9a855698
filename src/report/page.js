// Sorting of tables and a label at the points of the scatter. The page reads the same without.
"use strict";
document.querySelectorAll("table.sort").forEach(function (table) {
  var heads = table.tHead.rows[0].cells;
  Array.prototype.forEach.call(heads, function (head, column) {
    if (!head.textContent.trim()) return; // remarks
    var button = document.createElement("button");
    button.type = "button";
    while (head.firstChild) button.appendChild(head.firstChild);
    head.appendChild(button);
    button.addEventListener("click", function () {
      var down = head.getAttribute("aria-sort") === "ascending";
      var body = table.tBodies[0];
      function key(row) {
        var cell = row.cells[column];
        return cell.dataset.v === undefined ? cell.textContent : parseFloat(cell.dataset.v);
      }
      function order(a, b) {
        var x = key(a), y = key(b);
        if (x !== x || y !== y) return (x !== x) - (y !== y); // what is not a number goes last, both ways
        var sign = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
        return down ? -sign : sign;
      }
      Array.prototype.slice.call(body.rows).sort(order).forEach(function (row) { body.appendChild(row); });
      Array.prototype.forEach.call(heads, function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  });
});
// A link to what is folded opens it.
function unfold() {
  var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (var at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (target && target.scrollIntoView) target.scrollIntoView();
}
window.addEventListener("hashchange", unfold);
if (location.hash) unfold();
(function () {
  var tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.appendChild(tip);
  document.querySelectorAll(".pt").forEach(function (point) {
    var title = point.querySelector("title");
    if (!title) return;
    point.setAttribute("data-tip", title.textContent);
    title.remove(); // the browser's own label would stand on top of ours
  });
  document.addEventListener("pointermove", function (event) {
    var point = event.target.closest ? event.target.closest("[data-tip]") : null;
    tip.hidden = !point;
    if (!point) return;
    tip.textContent = point.getAttribute("data-tip");
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8)) + "px";
    tip.style.top = Math.max(4, Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 8)) + "px";
  });
})();
