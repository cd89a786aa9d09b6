// On every page: the number of articles in the cart, forms that are sent once, and pages that are
// never shown from the browser's memory when they may be old. Pages work without it.

const articles = /(?:^|;\s*)kiosk_articles=(\d{1,6})(?:;|$)/;
const count = document.getElementById("cart-count");

function articleCount() {
  return Number(articles.exec(document.cookie)?.[1] ?? 0);
}

function showArticleCount(number = articleCount()) {
  const { one, other } = count.dataset;
  count.hidden = number <= 0;
  count.textContent = number;
  count.setAttribute("role", "img");
  count.setAttribute("aria-label", number === 1 ? one : other.replace("#", number));
}

showArticleCount();
document.addEventListener("visibilitychange", () => showArticleCount());

// cart.js says `more` before the shop has answered, and nothing once it has: then the cookie is right.
document.addEventListener("kiosk:articles", ({ detail }) => {
  showArticleCount(detail?.more ? articleCount() + detail.more : undefined);
});

// The second of a double click is not sent. After a while one may try again: the network may have failed.
document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (!submitter?.matches("[data-once]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 3_000);
});

window.addEventListener("pageshow", (event) => {
  showArticleCount();
  if (event.persisted && document.body.matches("[data-fresh]")) location.reload();
});
