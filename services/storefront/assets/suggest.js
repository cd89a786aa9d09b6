// Suggestions while one types, as a combobox (https://www.w3.org/WAI/ARIA/apg/patterns/combobox/): the
// arrow keys choose, Enter goes there, Escape closes. Without it the search is a form like any other.

const form = document.querySelector("[data-suggest]");
const input = form.querySelector("input");
const list = document.createElement("ul");
const known = new Map();
const pauseMilliseconds = 120;
let asking = null;
let timer = 0;
let active = -1;

list.id = "suggestions";
list.className = "suggest";
list.hidden = true;
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", form.dataset.suggestions);
form.append(list);
for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id]]) {
  input.setAttribute(name, value);
}

async function suggestionsFor(words) {
  if (known.has(words)) return known.get(words);
  asking?.abort();
  asking = new AbortController();
  const answer = await fetch(`/api/catalog/suggest?q=${encodeURIComponent(words)}`, { signal: asking.signal });
  if (!answer.ok) return [];
  const { items } = await answer.json();
  known.set(words, items);
  return items;
}

function picture(suggestion) {
  if (!suggestion.image) {
    const shelf = document.createElement("span");
    shelf.className = "suggest-shelf";
    shelf.textContent = "›";
    return shelf;
  }
  const image = document.createElement("img");
  Object.assign(image, { src: suggestion.image.url, alt: "", width: 44, height: 44 });
  return image;
}

// The title, with what was typed set off.
function title(text, words) {
  const span = document.createElement("span");
  const at = text.toLocaleLowerCase().indexOf(words.toLocaleLowerCase());
  if (at < 0) {
    span.textContent = text;
    return span;
  }
  const mark = document.createElement("mark");
  mark.textContent = text.slice(at, at + words.length);
  span.append(text.slice(0, at), mark, text.slice(at + words.length));
  return span;
}

function option(suggestion, index, words) {
  const item = document.createElement("li");
  item.id = `suggestion-${index}`;
  item.dataset.path = suggestion.path;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  item.append(picture(suggestion), title(suggestion.text, words));
  if (suggestion.kind === "category") {
    const kind = document.createElement("span");
    kind.className = "suggest-kind";
    kind.textContent = form.dataset.category;
    item.append(" ", kind);
  }
  return item;
}

function close() {
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  choose(-1);
}

function choose(index) {
  active = index;
  for (const [at, item] of [...list.children].entries()) item.setAttribute("aria-selected", String(at === index));
  if (index < 0) input.removeAttribute("aria-activedescendant");
  else input.setAttribute("aria-activedescendant", `suggestion-${index}`);
}

async function show() {
  const words = input.value.trim();
  if (words.length < 2) return close();
  try {
    const found = await suggestionsFor(words);
    if (input.value.trim() !== words || document.activeElement !== input) return;
    list.replaceChildren(...found.map((suggestion, index) => option(suggestion, index, words)));
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    choose(-1);
    document.getElementById("announcer").textContent = form.dataset.found.replace("#", found.length);
  } catch (error) {
    if (error.name !== "AbortError") close();
  }
}

input.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(show, pauseMilliseconds);
});

input.addEventListener("keydown", (event) => {
  const last = list.children.length - 1;
  if (event.key === "ArrowDown" && list.hidden) show();
  if (list.hidden) return;
  if (event.key === "ArrowDown") choose(active === last ? -1 : active + 1);
  else if (event.key === "ArrowUp") choose(active < 0 ? last : active - 1);
  else if (event.key === "Escape") close();
  else if (event.key === "Enter" && active >= 0) location.assign(list.children[active].dataset.path);
  else return;
  event.preventDefault();
});

input.addEventListener("blur", close);
list.addEventListener("pointerdown", (event) => event.preventDefault()); // the input keeps the focus
list.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-path]");
  if (chosen) location.assign(chosen.dataset.path);
});
