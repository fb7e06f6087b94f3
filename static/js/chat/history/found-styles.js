/** What the results of a search look like. */

import { fetched } from "../sheets.js";

const FILES = ["asking", "found"];

export const foundStyles = () => fetched(FILES);
