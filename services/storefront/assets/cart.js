// The cart without leaving the page: its forms are sent in the background, and what the shop answers,
// the cart's own page, is shown in its place or in a drawer. A change is shown at once and taken back
// should it fail. Without this script the same forms lead from page to page.

const drawer = document.getElementById("cart-drawer");
const pauseMilliseconds = 250;
const asAnswered = new WeakMap(); // each cart as the shop last told it
const timers = new Map();
const wanted = new Map(); // by article: the number on its way
let turns = 0;

function node(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function tellArticles(more) {
  document.dispatchEvent(new CustomEvent("kiosk:articles", { detail: more ? { more } : null }));
}

function announce(cart, words) {
  (cart.closest("dialog")?.querySelector("[role=status]") ?? document.getElementById("announcer")).textContent = words;
}

// Styles that the cart's page has and this one lacks.
async function adoptStyles(page) {
  const missing = [...page.querySelectorAll("link[rel=stylesheet]")].filter(
    (link) => !document.querySelector(`link[href="${link.getAttribute("href")}"]`),
  );
  await Promise.all(missing.map((link) => new Promise((done) => {
    const copy = document.importNode(link);
    copy.addEventListener("load", done);
    copy.addEventListener("error", done);
    document.head.append(copy);
  })));
}

// The cart in the shop's answer. Fails when there is none, as on an error page.
async function askCart(path, fields) {
  const answer = await fetch(path, fields ? { method: "POST", body: new URLSearchParams(fields) } : { cache: "no-store" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const cart = page.querySelector("[data-cart]");
  if (!cart) throw new Error(`no cart in ${path}: ${answer.status}`);
  await adoptStyles(page);
  const adopted = document.adoptNode(cart);
  for (const element of adopted.querySelectorAll("[autofocus]")) {
    element.removeAttribute("autofocus"); // it works while a page loads only
    element.dataset.first = "";
  }
  asAnswered.set(adopted, adopted.cloneNode(true));
  return adopted;
}

// How to find what has the focus again once the cart was replaced.
function focused(cart) {
  const element = document.activeElement;
  if (!cart.contains(element)) return null;
  if (element.id) return `#${CSS.escape(element.id)}`;
  return element.hasAttribute("form") ? `[form="${CSS.escape(element.getAttribute("form"))}"]` : "";
}

function replace(cart, fresh, selector) {
  cart.replaceWith(fresh);
  if (selector === null) return;
  let target = fresh.querySelector("[data-first]") ?? (selector ? fresh.querySelector(selector) : null);
  if (target?.disabled) target = target.closest(".stepper").querySelector("input");
  if (!target) fresh.tabIndex = -1;
  (target ?? fresh).focus();
}

function takeBack(cart) {
  const before = asAnswered.get(cart).cloneNode(true);
  asAnswered.set(before, asAnswered.get(cart));
  const notice = node("p", "notice notice-error", cart.dataset.failed);
  notice.setAttribute("role", "alert");
  replace(cart, before, focused(cart));
  before.prepend(notice);
}

async function change(cart, path, fields, afterwards) {
  const turn = ++turns;
  try {
    const fresh = await askCart(path, fields);
    if (turn !== turns) return;
    replace(cart, fresh, focused(cart));
    announce(fresh, fresh.dataset.say);
    afterwards?.(fresh);
  } catch {
    if (turn === turns) takeBack(cart);
  }
  if (turn !== turns) return;
  wanted.clear();
  tellArticles();
}

function setQuantity(cart, input, quantity, pause) {
  const { sku } = Object.fromEntries(new FormData(input.form));
  if (wanted.get(sku) === String(quantity)) return;
  wanted.set(sku, String(quantity));
  const line = input.closest(".line");
  input.value = quantity;
  line.querySelector(".line-total").setAttribute("aria-busy", "true");
  turns += 1; // an answer still on its way is old already
  clearTimeout(timers.get(sku));
  timers.set(sku, setTimeout(() => change(cart, "/cart/quantity", { sku, quantity }), pause));
}

function offerUndo(cart, title, sku, quantity) {
  const notice = node("div", "notice notice-good");
  const undo = node("button", "button-quiet", cart.dataset.undo);
  undo.type = "button";
  undo.addEventListener("click", () => change(cart, "/cart/lines", { sku, quantity }));
  notice.append(node("p", "", cart.dataset.removed.replace("#", title)), undo);
  cart.prepend(notice);
  undo.focus();
}

function remove(cart, form) {
  const fields = Object.fromEntries(new FormData(form));
  const { title, remove: quantity } = form.dataset;
  form.closest(".line").hidden = true;
  tellArticles(-Number(quantity));
  change(cart, "/cart/quantity", fields, (fresh) => {
    if (!fresh.querySelector(`#line-${CSS.escape(fields.sku)}`)) offerUndo(fresh, title, fields.sku, quantity);
  });
}

async function openDrawer(answer) {
  const body = drawer.querySelector(".drawer-body");
  const status = node("p", "unseen", body.dataset.waiting);
  status.setAttribute("role", "status");
  body.replaceChildren(status, node("div", "skeleton-line"));
  if (!drawer.open) drawer.showModal();
  try {
    const cart = await answer;
    body.replaceChildren(status, cart);
    announce(cart, cart.dataset.say);
  } catch {
    const link = node("a", "", document.querySelector(".cart-link span").textContent);
    link.href = "/cart";
    const notice = node("p", "notice notice-error", `${body.dataset.failed} `);
    notice.append(link);
    body.replaceChildren(status, notice);
  }
}

async function add(form, button) {
  const fields = Object.fromEntries(new FormData(form));
  form.querySelector(".notice")?.remove();
  button.setAttribute("aria-busy", "true");
  tellArticles(Number(fields.quantity));
  try {
    const cart = await askCart("/cart/lines", { sku: fields.sku, quantity: fields.quantity });
    await openDrawer(cart);
  } catch {
    const notice = node("p", "notice notice-error", form.dataset.failed);
    notice.setAttribute("role", "alert");
    form.append(notice);
  }
  button.removeAttribute("aria-busy");
  delete form.dataset.sent;
  tellArticles();
}

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  const cart = form.closest("[data-cart]");
  const path = form.getAttribute("action");
  if (event.defaultPrevented) return;
  if (form.matches("[data-add]") && drawer) {
    event.preventDefault();
    return add(form, submitter);
  }
  if (!cart || !path.startsWith("/cart/")) return;
  event.preventDefault();
  if (form.matches("[data-remove]")) return remove(cart, form);
  if (submitter?.hasAttribute("form") || form.matches(".quantity-form")) {
    const input = (submitter?.closest(".stepper") ?? form).querySelector("[name=quantity]");
    const step = submitter?.hasAttribute("form") ? (submitter.getAttribute("form").startsWith("set-less") ? -1 : 1) : 0;
    return setQuantity(cart, input, step ? Math.max(1, Number(input.value) + step || 1) : input.value, step ? pauseMilliseconds : 0);
  }
  change(cart, path, new FormData(form));
});

document.addEventListener("change", (event) => {
  const cart = event.target.closest("[data-cart]");
  if (cart && event.target.matches(".stepper input")) setQuantity(cart, event.target, event.target.value, 0);
});

document.querySelector(".cart-link").addEventListener("click", (event) => {
  if (!drawer || document.body.matches("[data-fresh]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openDrawer(askCart("/cart"));
});

drawer?.addEventListener("click", (event) => event.target === drawer && drawer.close());
for (const cart of document.querySelectorAll("[data-cart]")) asAnswered.set(cart, cart.cloneNode(true));
