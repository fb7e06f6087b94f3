/** What the list of conversations looks like. */

import { fetched } from "../sheets.js";

const FILES = ["history-list"];

export const listStyles = () => fetched(FILES);
