/** What cards say in English; see words.js. */

import { know } from "./words.js";

know({
  "card.answered": "Answered",
  "card.card": "Card",
  "card.chart": "A chart of {names}",
  "card.empty": "This card has no text.",
  "card.image": "Image made by the assistant",
  "card.noAnswer": "No answer",
  "card.noImage": "The image is not there.",
  "card.numbers": "numbers",
  "card.open": "Open the image",
  "card.openImage": "Open the image that the assistant made",
  "card.pending": "Question",
  "card.skipped": "Skipped",
  "card.still": "Its buttons and fields can’t be used here.",
  "step.file": "Read files",
  "step.image": "Made an image",
  "step.input": "Input",
  "step.other": "Step",
  "step.output": "Output",
  "step.steps": "Steps",
  "step.thinking": "Thinking",
  "step.thought": "Thought",
  "step.thoughtFor": "Thought for {seconds} s",
  "step.used": "Used {name}",
  "step.waiting": "Waiting for {name}",
  "step.web_search": "Searched the web",
  "step.workedFor": "Worked for {seconds} s",
});
