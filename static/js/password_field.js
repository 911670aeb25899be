/** The eye beside a password: shows what is typed until pressed again or sent. */

import { t } from "./lib/catalogue.js";

for (const button of document.querySelectorAll("[data-show-password]")) {
  const input = document.getElementById(button.dataset.showPassword);

  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-label", t(shown ? "page.hide_password" : "page.show_password"));
    button.querySelector("use").setAttribute("href", shown ? "#icon-eye-off" : "#icon-eye");
  };

  button.hidden = false;
  button.addEventListener("click", () => show(input.type === "password"));
  // Sent as a password, or the browser would keep it among the words it completes.
  input.form.addEventListener("submit", () => show(false));
}
