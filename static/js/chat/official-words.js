/** What is said around OpenAI's own chat in English; see words.js. */

import { know } from "./words.js";

know({
  "official.failed": "The chat by OpenAI could not be loaded.",
});
