// Shows the ways of shipping and the total anew when the country or the way changes, by sending the
// form as its button "Show shipping" would. Without this script that button stays. A quick shopper may have
// chosen before it listens, and a browser that brings a form back fills it in without a word: so it also looks
// for what is chosen otherwise than the page came.
const form = document.getElementById("checkout");
const button = form.querySelector("[data-replaced-by-script]");
let asking = null;

async function showAnew(parts) {
  asking?.abort();
  asking = new AbortController();
  const body = new URLSearchParams(new FormData(form));
  body.set("action", "show");
  try {
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, signal: asking.signal });
    if (answer.redirected) return location.assign(answer.url);
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts) document.getElementById(part).replaceWith(page.getElementById(part));
    button.hidden = true;
  } catch (error) {
    if (error.name !== "AbortError") button.hidden = false;
  }
}

function catchUp() {
  if (asking) return;
  const country = form.elements.country;
  const method = form.querySelector("[name=shipping_method]:checked");
  if (country.value && !country.selectedOptions[0].defaultSelected) showAnew(["shipping", "summary"]);
  else if (method && !method.defaultChecked) showAnew(["summary"]);
}

button.hidden = true;
form.addEventListener("change", (event) => {
  if (event.target.name === "country") showAnew(["shipping", "summary"]);
  if (event.target.name === "shipping_method") showAnew(["summary"]);
});
catchUp();
addEventListener("pageshow", catchUp);
