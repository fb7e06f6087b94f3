/** The card that asks a person to sign in, and the way there and back. */

import { make } from "../chat/dom.js";
import { word } from "../chat/words.js";

const RETURN = "{return}";

/**
 * Return where the site lets people sign in: an address, or what the site's own code does.
 * @param {{ signIn?: string | ((how: { returnTo: string }) => unknown) | null, origin: string }} site
 * @param {string | null} [given] what the server said
 * @returns {{ href: string } | { run: () => Promise<unknown> }}
 */
export function wayToSignIn({ signIn, origin }, given) {
  const returnTo = location.href;
  if (typeof signIn === "function") return { run: async () => signIn({ returnTo }) };
  const address = addressOf(signIn, returnTo) ?? addressOf(given, returnTo);
  return { href: address ?? addressOf(`${origin}/sign-in`, returnTo) ?? "" };
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
 * Make the card. `focus` leads to its button; `way` is looked up at each press, as the address of
 * the page may have changed.
 * @param {{ ended: boolean, way: () => ReturnType<typeof wayToSignIn>, done: () => void }} calls
 */
export function signInCard({ ended, way, done }) {
  const first = way();
  const label = word("panel.sign_in");
  const button =
    "href" in first
      ? make("a", { class: "panel-button", href: first.href }, label)
      : make("button", { class: "panel-button", type: "button" }, label);
  const wrong = make("p", { class: "panel-wrong", role: "alert" });
  button.addEventListener("click", async () => {
    const now = way();
    wrong.textContent = "";
    if ("href" in now) return button.setAttribute("href", now.href);
    return now.run().then(done, (error) => {
      console.warn("threadkeeper: signIn failed:", error);
      wrong.textContent = word("panel.sign_in_failed");
    });
  });
  const kind = ended ? "ended" : "guest";
  const element = make(
    "div",
    { class: "panel-card", slot: "card" },
    make("h2", { class: "panel-title" }, word(`panel.${kind}_title`)),
    make("p", { class: "panel-words" }, word(`panel.${kind}_words`)),
    button,
    wrong,
  );
  return { element, focus: () => button.focus() };
}
