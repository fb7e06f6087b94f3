/** What changing a thread of the list looks like. */

import { fetched } from "../sheets.js";

const FILES = ["naming", "changing"];

export const changingStyles = () => fetched(FILES);
