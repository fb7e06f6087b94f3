/** What changing a thread of the list looks like. */

import { fetched } from "../sheets.js";

const FILES = ["changing"];

export const changingStyles = () => fetched(FILES);
