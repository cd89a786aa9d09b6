// Pays at Stripe with its Payment Element (https://docs.stripe.com/payments/quickstart): the card's
// fields are frames of Stripe's own. Written after their pages; our tests run the sandbox only.
const payment = document.getElementById("payment");
const card = document.getElementById("card");
const pay = document.getElementById("pay");
const message = document.getElementById("payment-message");
const progress = document.getElementById("payment-progress");
const words = payment.dataset; // what the page says, in its language
const { clientSecret, publishableKey } = payment.dataset;

function busy(said) {
  pay.disabled = Boolean(said);
  progress.textContent = said;
}

function sayWrong(said) {
  message.textContent = said;
  message.hidden = false;
  message.focus();
}

function follow(intent) {
  if (intent?.status !== "succeeded" && intent?.status !== "processing") return false;
  busy(words.in);
  card.hidden = true;
  document.dispatchEvent(new Event("kiosk:payment"));
  return true;
}

function start() {
  const stripe = Stripe(publishableKey);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const elements = stripe.elements({ clientSecret, appearance: { theme: dark ? "night" : "stripe" } });
  elements.create("payment").mount("#payment-element");

  card.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (pay.disabled) return;
    message.hidden = true;
    busy(words.talking);
    // It goes to the bank's page by itself when the bank asks for it, and comes back to return_url.
    const { error, paymentIntent } = await stripe.confirmPayment({
      elements,
      confirmParams: { return_url: location.origin + location.pathname },
      redirect: "if_required",
    });
    if (follow(paymentIntent) || follow(error?.payment_intent)) return;
    busy("");
    sayWrong(error?.message ?? words.failed);
  });

  stripe.retrievePaymentIntent(clientSecret).then(({ paymentIntent }) => {
    if (!follow(paymentIntent) && paymentIntent?.last_payment_error) {
      sayWrong(paymentIntent.last_payment_error.message);
    }
  });
}

payment.hidden = false;
if (window.Stripe) start();
else sayWrong(words.notLoaded);
