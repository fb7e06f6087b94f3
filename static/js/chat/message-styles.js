/** What messages look like, here and where the server rendered them. */

import { fetched } from "./sheets.js";

const FILES = ["message", "actions", "prose", "writing"];

export const messageStyles = () => fetched(FILES);
