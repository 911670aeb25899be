/** The line under the conversation that says who is writing. */

import { typingSentence } from "../domain/typing.js";
import { putSentence } from "./sentence.js";

export function mountTypingLine({ store }) {
  const line = document.getElementById("typing");

  store.watch(["typing", "users"], ({ typing, users }) => {
    const names = typing.map((username) => users.get(username)?.display_name ?? username);
    const said = typingSentence(names);
    line.classList.toggle("typing-on", Boolean(said));
    if (!said) return line.replaceChildren();
    const [a, b, c] = said.names;
    return putSentence(line, said.key, { a, b, c });
  });
}
