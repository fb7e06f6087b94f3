/** What the element itself looks like; what is loaded on use brings its own. */

import { fetched } from "./sheets.js";

const FILES = ["tokens", "button", "chat", "header"];

export const styles = () => fetched(FILES);
