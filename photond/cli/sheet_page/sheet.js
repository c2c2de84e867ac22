"use strict";

const byId = (id) => document.getElementById(id);
const list = byId("photos");
const cards = [...list.children];
const link = (card) => card.querySelector("a");
const text = (card, part) => card.querySelector(part).textContent;
const viewer = byId("viewer");

// The card that the keys are about: the one that Tab comes to, or that the viewer shows.
let current = cards[0];
let viewed = current;
let shown = cards;

function setCurrent(card) {
  if (current) link(current).tabIndex = -1;
  current = card;
  if (current) link(current).tabIndex = 0;
}

function focusOn(card) {
  if (!card) return;
  setCurrent(card);
  link(card).focus();
}

const byNumber = (a, b) => a.dataset.number - b.dataset.number;
const dated = (sign) => (a, b) => {
  const [one, other] = [a.dataset.date, b.dataset.date];
  if (!one || !other) return !one - !other || byNumber(a, b);
  return sign * ((one > other) - (one < other)) || byNumber(a, b);
};
const names = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const ORDERS = {
  number: byNumber,
  newest: dated(-1),
  oldest: dated(1),
  name: (a, b) => names.compare(text(a, ".name"), text(b, ".name")) || byNumber(a, b),
};

function arrange() {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  cards.sort(ORDERS[byId("sort").value]);
  for (const card of cards) {
    const said = [".name", ".tags", ".folder"].map((part) => text(card, part)).join("\n").toLowerCase();
    card.hidden = !words.every((word) => said.includes(word));
  }
  list.append(...cards);
  shown = cards.filter((card) => !card.hidden);
  if (!shown.includes(current)) setCurrent(shown[0]);
  const all = cards.length === 1 ? "1 photo" : `${cards.length} photos`;
  byId("count").textContent = shown.length === cards.length ? all : `${shown.length} of ${all}`;
  byId("nothing").hidden = shown.length > 0;
}

function view(card) {
  if (!card) return;
  setCurrent(card);
  viewed = card;
  const small = card.querySelector("img");
  const large = byId("large");
  large.hidden = !small;
  byId("missing").hidden = Boolean(small);
  if (small) {
    large.src = small.src;
    large.alt = small.alt;
    // The file itself is sharper, if the browser can show its kind and it is still there.
    const file = new Image();
    file.onload = () => { if (viewed === card) large.src = file.src; };
    file.src = link(card).href;
  } else {
    large.removeAttribute("src");
    byId("missing").textContent = text(card, ".missing");
  }
  for (const part of ["name", "facts", "tags", "folder"]) {
    byId(`large-${part}`).textContent = text(card, `.${part}`);
  }
  byId("open").href = link(card).href;
  const place = shown.indexOf(card);
  byId("previous").disabled = place === 0;
  byId("next").disabled = place === shown.length - 1;
  if (viewer.open) return;
  viewer.showModal();
  byId("open").focus();
}

// How far a key goes among the cards as they lie on the page.
function stepOf(key) {
  if (key === "ArrowRight") return 1;
  if (key === "ArrowLeft") return -1;
  const top = shown.length ? shown[0].offsetTop : 0;
  const columns = Math.max(1, shown.filter((card) => card.offsetTop === top).length);
  if (key === "ArrowDown") return columns;
  if (key === "ArrowUp") return -columns;
  return 0;
}

function goal(key) {
  if (key === "Home") return shown[0];
  if (key === "End") return shown.at(-1);
  const step = viewer.open ? { ArrowRight: 1, ArrowLeft: -1 }[key] || 0 : stepOf(key);
  return step ? shown[shown.indexOf(current) + step] : undefined;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches("input, select");
  if (event.key === "Escape" && event.target === byId("filter")) {
    byId("filter").value = "";
    arrange();
    focusOn(current);
  } else if (isTyping && event.key === "Enter") {
    focusOn(current);
    event.preventDefault();
  } else if (isTyping) {
    return;
  } else if (event.key === "/" && !viewer.open) {
    byId("filter").focus();
    event.preventDefault();
  } else {
    const to = goal(event.key);
    if (!to) return;
    if (viewer.open) view(to);
    else if (list.contains(document.activeElement)) focusOn(to);
    else focusOn(current);
    event.preventDefault();
  }
});

list.addEventListener("click", (event) => {
  const card = event.target.closest("li");
  if (!card || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  view(card);
});
list.addEventListener("focusin", (event) => setCurrent(event.target.closest("li")));
byId("previous").addEventListener("click", () => view(shown[shown.indexOf(current) - 1]));
byId("next").addEventListener("click", () => view(shown[shown.indexOf(current) + 1]));
byId("close").addEventListener("click", () => viewer.close());
// The browser itself goes back to where the viewer was opened.
viewer.addEventListener("close", () => focusOn(viewed));
byId("filter").addEventListener("input", arrange);
byId("sort").addEventListener("change", arrange);

for (const card of cards) link(card).tabIndex = -1;
setCurrent(current);
for (const hidden of document.querySelectorAll(".tools, .keys")) hidden.hidden = false;
arrange();
