/** What cards look like, here and where the server rendered them. */

import { fetched } from "./sheets.js";

const FILES = ["cards"];

export const cardStyles = () => fetched(FILES);
