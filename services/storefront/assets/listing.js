// A list follows its filters and its order at once, on a phone when they are sent. The address changes
// with it, so the back button and a shared link show the same. Without it, buttons send the form.

const wide = matchMedia("(min-width: 64rem)");
let asking = null;

function listing() {
  return document.getElementById("listing");
}

function addressOf(form) {
  const given = [...new FormData(form)].filter(([, value]) => value !== "");
  const query = new URLSearchParams(given).toString();
  return form.getAttribute("action") + (query ? `?${query}` : "");
}

// How to find what has the focus again in the new list.
function focused() {
  const { id, name, value } = document.activeElement;
  if (id) return `#${CSS.escape(id)}`;
  return name ? `[name="${CSS.escape(name)}"][value="${CSS.escape(value)}"]` : "h2";
}

// What is being typed into a field meanwhile shall not be lost.
function keepTyped(fresh) {
  const { id, type, value } = document.activeElement;
  const field = type === "text" && id ? fresh.querySelector(`#${CSS.escape(id)}`) : null;
  if (field) field.value = value;
}

async function show(address, { push = true } = {}) {
  asking?.abort();
  asking = new AbortController();
  const selector = listing().contains(document.activeElement) ? focused() : null;
  listing().setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { signal: asking.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("listing");
    if (!fresh) return location.assign(address);
    keepTyped(fresh);
    listing().replaceWith(document.adoptNode(fresh));
    document.title = page.title;
    if (push) history.pushState(null, "", address);
    ready();
    if (selector) listing().querySelector(selector)?.focus({ preventScroll: true });
    const count = document.getElementById("results-count");
    document.getElementById("announcer").textContent = count?.textContent ?? "";
  } catch (error) {
    if (error.name !== "AbortError") location.assign(address);
  }
}

function ready() {
  listing().classList.add("is-ready");
}

document.addEventListener("change", (event) => {
  const { form, name } = event.target;
  if (form?.id === "filters" && (wide.matches || name === "sort")) show(addressOf(form));
});

document.addEventListener("submit", (event) => {
  if (event.target.id !== "filters") return;
  const filters = event.target.closest("[popover]");
  event.preventDefault();
  if (filters.matches(":popover-open")) filters.hidePopover();
  show(addressOf(event.target));
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".chip-set, .chip-all, .facet-link");
  if (!link || !listing().contains(link) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.pathname !== location.pathname) return;
  event.preventDefault();
  show(link.href);
});

window.addEventListener("popstate", () => show(location.href, { push: false }));
ready();
