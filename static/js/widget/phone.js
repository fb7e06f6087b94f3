/** Full screen on a small one: the page behind held still, the focus inside, the keyboard below. */

/**
 * Hold the page whenever the dialog covers it. The site's own styles and attributes are not touched:
 * style sheets of ours hold it.
 * @param {ShadowRoot} root The widget's
 * @param {HTMLElement} dialog
 * @param {MediaQueryList} small
 */
export function holdPage(root, dialog, small) {
  const { host } = root;
  const [still, fitting] = [new CSSStyleSheet(), new CSSStyleSheet()];
  let covering = false;
  let place = [0, 0];
  still.replaceSync("html{overflow:hidden!important}");
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, fitting];

  function look() {
    if (covering !== (!dialog.hidden && small.matches)) cover();
    dialog.ariaModal = String(covering);
    if (covering) fit();
  }

  function cover() {
    covering = !covering;
    if (covering) {
      place = [scrollX, scrollY];
      // A page that was loaded with the dialog open has the focus behind it.
      if (document.activeElement !== host) dialog.focus({ preventScroll: true });
    }
    const others = document.adoptedStyleSheets.filter((sheet) => sheet !== still);
    document.adoptedStyleSheets = covering ? [...others, still] : others;
    // Where the body is what scrolls, being held loses its place.
    if (!covering) scrollTo({ left: place[0], top: place[1], behavior: "instant" });
  }

  /** Take the part of the window that the keyboard leaves; somebody who zooms in gets all of it. */
  function fit() {
    const { height, offsetTop, scale } = /** @type {VisualViewport} */ (visualViewport);
    const inset = `${scale > 1 ? 0 : offsetTop}px 0 auto`;
    fitting.replaceSync(`@media ${small.media}{section{inset:${inset};height:${height * scale}px;touch-action:pinch-zoom;border:0!important}}`);
  }

  for (const type of ["open", "close"]) host.addEventListener(`threadkeeper.${type}`, look);
  for (const type of ["resize", "scroll"]) visualViewport?.addEventListener(type, () => covering && fit());
  small.addEventListener("change", look);
  document.addEventListener("focusin", ({ target }) => covering && target !== host && dialog.focus());
  look();
}
