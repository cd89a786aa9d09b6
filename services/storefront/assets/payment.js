// Pays at the sandbox gateway, which speaks Stripe's API: the browser confirms the payment intent with
// the card's number and the publishable key (https://docs.stripe.com/api/payment_intents/confirm).
// Nothing of the card reaches the shop. An intent takes money once, however often it is confirmed.
const payment = document.getElementById("payment");
const card = document.getElementById("card");
const pay = document.getElementById("pay");
const message = document.getElementById("payment-message");
const progress = document.getElementById("payment-progress");
const words = payment.dataset; // what the page says, in its language
const { intent, clientSecret, publishableKey, apiBase } = payment.dataset;
const fields = {
  number: document.getElementById("card-number"),
  expiry: document.getElementById("card-expiry"),
  cvc: document.getElementById("card-cvc"),
};
const fieldOf = { number: "number", exp_month: "expiry", exp_year: "expiry", cvc: "cvc" };

function busy(said) {
  pay.disabled = Boolean(said);
  progress.textContent = said;
}

function sayWrong(said, name) {
  const field = fields[name];
  const place = field ? document.getElementById(`${field.id}-error`) : message;
  place.textContent = field ? said : `${said} ${words.kept}`;
  place.hidden = false;
  field?.setAttribute("aria-invalid", "true");
  field?.setAttribute("aria-describedby", place.id);
  (field ?? message).focus();
}

function sayNothing() {
  message.hidden = true;
  for (const field of Object.values(fields)) {
    document.getElementById(`${field.id}-error`).hidden = true;
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

// What was typed, or null after saying what is missing. The gateway judges the rest.
function typedCard() {
  const number = fields.number.value.replace(/[\s-]/g, "");
  const expiry = /^\s*(\d{1,2})\s*[/\-. ]?\s*(\d{2}|\d{4})\s*$/.exec(fields.expiry.value);
  const cvc = fields.cvc.value.trim();
  if (!/^\d{12,19}$/.test(number)) return sayWrong(words.number, "number") ?? null;
  if (!expiry) return sayWrong(words.expiry, "expiry") ?? null;
  if (!/^\d{3,4}$/.test(cvc)) return sayWrong(words.cvc, "cvc") ?? null;
  return { number, exp_month: expiry[1], exp_year: expiry[2], cvc };
}

async function ask(path, parameters) {
  const address = `${apiBase}/v1/payment_intents/${encodeURIComponent(intent)}${path}`;
  const headers = { Authorization: `Bearer ${publishableKey}` };
  const body = new URLSearchParams({ client_secret: clientSecret, ...parameters });
  const answer = path
    ? await fetch(address, { method: "POST", headers, body })
    : await fetch(`${address}?${body}`, { headers });
  return answer.json();
}

// Where the payment stands now; true when it is over or goes on elsewhere.
function follow(found) {
  if (found.status === "succeeded" || found.status === "processing") {
    busy(words.in);
    card.hidden = true;
    document.dispatchEvent(new Event("kiosk:payment"));
    return true;
  }
  if (found.status === "requires_action" && found.next_action?.redirect_to_url) {
    busy(words.bank);
    location.assign(found.next_action.redirect_to_url.url);
    return true;
  }
  return false;
}

function explain(error) {
  if (error.payment_intent && error.code === "payment_intent_unexpected_state") {
    if (follow(error.payment_intent)) return;
  }
  busy("");
  const parameter = /\[card\]\[(\w+)\]$/.exec(error.param ?? "")?.[1];
  sayWrong(error.message ?? words.failed, fieldOf[parameter]);
}

async function confirm(typed) {
  const parameters = { "payment_method_data[type]": "card", return_url: location.origin + location.pathname };
  for (const [name, value] of Object.entries(typed)) parameters[`payment_method_data[card][${name}]`] = value;
  try {
    const answer = await ask("/confirm", parameters);
    if (answer.error) explain(answer.error);
    else if (!follow(answer)) explain({});
  } catch {
    busy("");
    sayWrong(words.silent);
  }
}

card.addEventListener("submit", (event) => {
  event.preventDefault();
  if (pay.disabled) return;
  sayNothing();
  const typed = typedCard();
  if (!typed) return;
  busy(words.talking);
  confirm(typed);
});

fields.number.addEventListener("input", () => {
  const digits = fields.number.value.replace(/\D/g, "").slice(0, 19);
  if (fields.number.selectionStart === fields.number.value.length) {
    fields.number.value = digits.replace(/(.{4})(?=.)/g, "$1 ");
  }
});

// The shopper may come back from the bank, or from another window, before the shop has heard of it.
async function lookOnce() {
  try {
    const found = await ask("", {});
    if (found.status === "succeeded" || found.status === "processing") follow(found);
    else if (found.last_payment_error) sayWrong(found.last_payment_error.message);
  } catch {
    // the form is there to try
  }
}

payment.hidden = false;
lookOnce();
