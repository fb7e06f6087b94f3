/** The card that asks a person to sign in, and the way there and back. */

import { make } from "../chat/dom.js";
import { word } from "../chat/words.js";

const RETURN = "{return}";

/**
 * Return where the site lets people sign in: an address, or what the site's own code does.
 * @param {import("./server.js").Shell} shell
 * @param {string | null} [given] what the server said
 * @returns {{ href: string } | { run: () => Promise<unknown> }}
 */
export function wayToSignIn({ options, origin }, given) {
  const { signIn } = options();
  const returnTo = placeToReturnTo();
  if (typeof signIn === "function") return { run: async () => signIn({ returnTo }) };
  const address = addressOf(signIn, returnTo) ?? addressOf(given, returnTo);
  return { href: address ?? addressOf(`${origin}/sign-in`, returnTo) ?? "" };
}

const LONGEST = 2000;

/** The address of the page, as our server takes it back: what is too long loses its end first. */
function placeToReturnTo() {
  const { origin, pathname, search, hash } = location;
  const whole = [pathname + search + hash, pathname + search, pathname].map((path) => origin + path.replaceAll("\\", "%5C"));
  return whole.find((address) => address.length <= LONGEST) ?? origin;
}

/** An address leads to the web and nowhere else: it may come from another server. */
function addressOf(given, returnTo) {
  if (!given) return null;
  const address = given.replaceAll(RETURN, encodeURIComponent(returnTo));
  const url = URL.canParse(address, document.baseURI) && new URL(address, document.baseURI);
  if (!url || !/^https?:$/.test(url.protocol)) return null;
  if (!given.includes(RETURN)) url.searchParams.set("next", returnTo);
  return url.href;
}

/**
 * Make the card. `focus` leads to its button. `way` is looked up at each press, as the options and
 * the address of the page may have changed; `update` shows what it is now, and keeps the focus.
 * @param {{ ended: boolean, way: () => ReturnType<typeof wayToSignIn>, done: () => void }} calls
 */
export function signInCard({ ended, way, done }) {
  const kind = ended ? "ended" : "guest";
  const wrong = make("p", { class: "panel-wrong", role: "alert" });
  let button = wayButton(way());
  async function press(event) {
    const now = way();
    wrong.textContent = "";
    if ("href" in now) return follow(button, now.href);
    event.preventDefault();
    return now.run().then(done, (error) => {
      console.warn("threadkeeper: signIn failed:", error);
      wrong.textContent = word("panel.sign_in_failed");
    });
  }
  const element = make(
    "div",
    { class: "panel-card", slot: "card" },
    make("h2", { class: "panel-title" }, word(`panel.${kind}_title`)),
    make("p", { class: "panel-words" }, word(`panel.${kind}_words`)),
    button,
    wrong,
  );
  element.addEventListener("click", (event) => event.target === button && press(event));
  function update() {
    const next = wayButton(way());
    if (next.isEqualNode(button)) return;
    const focused = button.matches(":focus");
    button.replaceWith(next);
    button = next;
    if (focused) button.focus();
  }
  return { element, update, focus: () => button.focus() };
}

/** A link where there is an address, so that it can be opened as one. */
function wayButton(way) {
  const label = word("fault.signIn");
  if ("href" in way) return make("a", { class: "panel-button", href: way.href }, label);
  return make("button", { class: "panel-button", type: "button" }, label);
}

/** The address may be another one since the link was made, and the button none. */
function follow(button, href) {
  if (button.localName === "a") button.setAttribute("href", href);
  else location.assign(href);
}
