/** Forms are sent once: the second half of a double click must not find the new name "taken". */

const AGAIN_AFTER_MS = 10_000; // whoever stopped the page from loading can try again

const sent = new Set();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return; // a script has sent it, or will
  if (sent.has(form)) {
    event.preventDefault();
    return;
  }
  sent.add(form);
  // Later, for the name and value of a button that is disabled now would not be sent.
  setTimeout(() => disable(form, true));
  setTimeout(() => release(form), AGAIN_AFTER_MS);
});

// The browser may show the page as it was left, by the back button.
addEventListener("pageshow", () => [...sent].forEach(release));

function release(form) {
  sent.delete(form);
  disable(form, false);
}

function disable(form, isDisabled) {
  for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = isDisabled;
}
