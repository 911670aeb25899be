/** A person's avatar: the picture, or initials on the colour of the username. */

import { avatarColour, initials } from "../domain/initials.js";

/** Fill an `.avatar` span for `user`; a picture that cannot be loaded falls back to initials. */
export function putAvatar(span, user) {
  for (const name of [...span.classList]) if (/^avatar-c\d+$/.test(name)) span.classList.remove(name);
  span.classList.add(`avatar-c${avatarColour(user.username)}`);
  if (!user.avatar) {
    span.textContent = initials(user.display_name);
    return;
  }
  const picture = new Image();
  picture.alt = "";
  picture.decoding = "async";
  picture.onerror = () => (span.textContent = initials(user.display_name));
  picture.src = user.avatar;
  span.replaceChildren(picture);
}
