// Keys reach the deck without a click first, and once it has ended Enter opens it again.
"use strict";

window.addEventListener("load", () => {
  const body = document.body;
  const reach = () => {
    if (body.classList.contains("-closed")) {
      document.querySelector("#again").focus();
    } else if (body.classList.contains("-first-byte")) {
      document.querySelector(".xterm-helper-textarea").focus();
    }
  };
  new MutationObserver(reach).observe(body, { attributeFilter: ["class"] });
});
