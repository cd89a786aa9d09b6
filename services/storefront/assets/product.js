// A product's page: pictures by their thumbnails, − and + at the number, and the choice of a variant by
// its attributes, with the price and the stock of what is chosen. The list of variants does it without.

const strip = document.querySelector(".gallery-strip");
const form = document.querySelector("[data-add]");
const axes = form?.querySelector("[data-axes]");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// Pictures

const thumbs = [...document.querySelectorAll(".gallery-thumbs a")];

function markThumb(index) {
  for (const [at, thumb] of thumbs.entries()) {
    if (at === index) thumb.setAttribute("aria-current", "true");
    else thumb.removeAttribute("aria-current");
  }
}

for (const [index, thumb] of thumbs.entries()) {
  thumb.addEventListener("click", (event) => {
    event.preventDefault();
    strip.scrollTo({ left: index * strip.clientWidth, behavior: calm.matches ? "instant" : "smooth" });
    markThumb(index);
  });
}
strip?.addEventListener("scrollend", () => markThumb(Math.round(strip.scrollLeft / strip.clientWidth)));

// The number

form?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  if (!button) return;
  const input = button.closest("[data-stepper]").querySelector("input");
  if (Number(button.dataset.step) > 0) input.stepUp();
  else input.stepDown();
});

// Price and stock of what is chosen

const offer = document.getElementById("offer");
const stock = document.getElementById("stock");

function showOffer(variant) {
  const { price, before, saving, stock: state } = variant.dataset;
  const now = document.createElement("strong");
  now.className = before ? "price-now price-reduced" : "price-now";
  now.textContent = price;
  const parts = [now];
  if (before) {
    const old = document.createElement("s");
    old.textContent = before;
    const less = document.createElement("span");
    less.className = "saving";
    less.textContent = saving;
    parts.push(" ", old, " ", less);
  }
  offer.querySelector(".price").replaceChildren(...parts);
  showStock(state, stock.dataset[state]);
}

function showStock(state, words) {
  const shown = stock.querySelector(".stock");
  shown.className = `stock stock-${state}`;
  shown.textContent = words;
}

form?.addEventListener("change", (event) => {
  if (event.target.matches("[name=sku][type=radio]")) showOffer(event.target);
});

// The choice by attributes

const list = form?.querySelector("select[name=sku]");
const options = list ? [...list.querySelectorAll("option[data-values]")] : [];
const values = new Map(options.map((option) => [option, JSON.parse(option.dataset.values)]));

function chosen() {
  return Object.fromEntries(
    [...axes.querySelectorAll("input:checked")].map((input) => [input.dataset.axis, input.value]),
  );
}

function fits(option, wanted) {
  return Object.entries(wanted).every(([axis, value]) => values.get(option)[axis] === value);
}

// What each value would lead to, the other choices given: to nothing, to something sold out, or to buy.
function markPills(choice) {
  for (const input of axes.querySelectorAll("input")) {
    const made = options.filter((option) => fits(option, { ...choice, [input.dataset.axis]: input.value }));
    const gone = made.every((option) => option.disabled);
    const why = made.length ? axes.dataset.soldOut : axes.dataset.notMade;
    input.closest(".pill").classList.toggle("pill-gone", gone);
    input.closest(".pill").querySelector("[data-why]").textContent = gone ? `, ${why}` : "";
  }
}

function showChoice() {
  const choice = chosen();
  const found = options.find((option) => fits(option, choice));
  const whole = axes.querySelectorAll("fieldset").length === Object.keys(choice).length;
  markPills(choice);
  for (const set of axes.querySelectorAll("fieldset")) {
    const picked = set.querySelector("input:checked")?.value;
    set.querySelector("[data-chosen]").textContent = picked ? `: ${picked}` : "";
  }
  const buyable = whole && found && !found.disabled;
  list.value = buyable ? found.value : "";
  form.querySelector("[data-once]").disabled = whole && !buyable;
  if (whole && found) showOffer(found);
  else if (whole) showStock("sold_out", axes.dataset.notMade);
}

if (axes) {
  list.required = false;
  for (const input of axes.querySelectorAll("input")) input.required = true;
  axes.addEventListener("change", showChoice);
  showChoice();
  form.classList.add("is-ready");
} else if (list) {
  list.addEventListener("change", () => list.value && showOffer(list.selectedOptions[0]));
}
