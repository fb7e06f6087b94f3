/**
 * The options of the element: those of the official element, and a few of our own. What has a wrong
 * type is left out, what we do not do is said; both once, on the console.
 */

import { word } from "./words.js";

/**
 * @typedef {Record<string, any>} ChatOptions as @openai/chatkit has them, and our own:
 * @property {boolean} [header.begin] whether there is a button for a new conversation
 * @property {string} [composer.draftOwner] whose drafts are kept; without it none are
 * @property {string | (() => string)} [signInUrl] where a person whose session ended signs in
 * @property {() => object | null} [pageContext] what the page says of itself with each message
 * @property {boolean} [search] whether the server has `/search` beside its address
 */

const is = (type) => (value) => typeof value === type;
const text = is("string");
const flag = is("boolean");
const number = is("number");
const call = is("function");
const plain = (value) => typeof value === "object" && !Array.isArray(value);
const color = (value) => text(value) && CSS.supports("color", value);
const language = (value) => text(value) && /^[a-z]{2,3}(-\w{2,8})*$/i.test(value);
const action = { icon: text, label: text, onClick: call };
/** What is known, and not done here. */
const undone = null;

const KNOWN = {
  api: { url: text, fetch: call, domainKey: text, uploadStrategy: undone, getClientSecret: undone },
  initialThread: text,
  locale: language,
  frameTitle: text,
  theme: {
    colorScheme: (value) => ["light", "dark", "system"].includes(value),
    color: {
      accent: { primary: color, level: (value) => [0, 1, 2, 3].includes(value) },
      surface: { background: color, foreground: color },
      grayscale: undone,
    },
    typography: { baseSize: number, fontFamily: text, fontFamilyMono: text, fontSources: undone },
    radius: undone,
    density: undone,
  },
  header: { enabled: flag, begin: flag, title: { enabled: flag, text }, leftAction: action, rightAction: action },
  history: { enabled: flag, showDelete: flag, showRename: flag },
  startScreen: { greeting: text, prompts: Array.isArray },
  threadItemActions: { feedback: flag, retry: flag },
  composer: { placeholder: text, draftOwner: text, attachments: undone, tools: undone, models: undone, dictation: undone },
  disclaimer: { text, highContrast: flag },
  // A reader who is at the end always stays there.
  thread: { autoScroll: flag },
  onClientTool: call,
  entities: undone,
  commands: undone,
  widgets: undone,
  signInUrl: (value) => text(value) || call(value),
  pageContext: call,
  search: flag,
};

const said = new Set();

/**
 * Return the options in the shape of the types, with our defaults for what is missing or wrong.
 * @param {any} given
 */
export function readOptions(given) {
  const theme = text(given?.theme) ? { theme: { colorScheme: given.theme } } : {};
  const all = given && plain(given) ? given : given ? wrong("options", given) : {};
  const known = read({ ...all, ...theme }, KNOWN, "");
  const { signInUrl = "", startScreen = {} } = known;
  return {
    initialThread: null,
    theme: {},
    disclaimer: {},
    ...known,
    api: { url: "", ...known.api },
    header: { enabled: true, ...known.header },
    history: { enabled: true, showDelete: true, showRename: true, ...known.history },
    startScreen: { greeting: startScreen.greeting ?? word("view.greeting"), prompts: (startScreen.prompts ?? []).filter(isPrompt) },
    threadItemActions: { feedback: false, retry: false, ...known.threadItemActions },
    composer: { placeholder: word("write.placeholder"), draftOwner: null, ...known.composer },
    signInUrl: call(signInUrl) ? signInUrl : () => signInUrl,
  };
}

/** Return what is right of the given options; say the rest. */
function read(given, known, path) {
  const right = {};
  for (const [name, value] of Object.entries(given)) {
    const where = path + name;
    const check = known[name];
    if (value === undefined || value === null) continue;
    if (!Object.hasOwn(known, name)) warn(`there is no option ${where}`);
    else if (check === undone) asks(value) && warn(`the option ${where} is known, but nothing is done with it here`);
    else if (call(check)) check(value) ? (right[name] = value) : wrong(where, value);
    else right[name] = plain(value) ? read(value, check, `${where}.`) : wrong(where, value);
  }
  return right;
}

const asks = (value) => value.enabled ?? (Array.isArray(value) ? value.length > 0 : true);

function isPrompt(prompt, at) {
  const right = text(prompt?.label) && (text(prompt.prompt) || Array.isArray(prompt.prompt));
  return right || void wrong(`startScreen.prompts[${at}]`, prompt);
}

function wrong(name, value) {
  warn(`the option ${name} can’t be ${text(value) ? `“${value}”` : `a ${typeof value}`}; its default is used`);
  return {};
}

/**
 * Say something to who builds the page, once.
 * @param {string} words
 */
export function warn(words) {
  if (!said.has(words)) console.warn(`threadkeeper-chat: ${words}`);
  said.add(words);
}
