/* What the staff pages do in the browser beyond htmx: the CSRF token, what is said in passing, the
   field to look at after a refusal. Everything works without it. */
(function () {
  "use strict";

  var UNSAFE = ["POST", "PUT", "PATCH", "DELETE"];
  var me = document.currentScript;

  function ours(element) {
    return Boolean(element && element.closest && element.closest(".cova, .cova-sync"));
  }

  function token() {
    var meta = document.querySelector('meta[name="csrf-token"]');
    return meta ? meta.content : "";
  }

  function isUnsafe(verb) {
    return UNSAFE.indexOf(String(verb).toUpperCase()) >= 0;
  }

  // htmx 2 and htmx 4 announce a request under different names.
  document.addEventListener("htmx:configRequest", function (event) {
    if (ours(event.target) && isUnsafe(event.detail.verb)) event.detail.headers["X-CSRFToken"] = token();
  });
  document.addEventListener("htmx:config:request", function (event) {
    var asked = event.detail.ctx.request;
    if (ours(event.target) && isUnsafe(asked.method)) asked.headers["X-CSRFToken"] = token();
  });

  // A refused form (422) is shown again, whatever the host's own htmx configuration says.
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (event.detail.xhr && event.detail.xhr.status === 422 && ours(event.detail.target)) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });

  function lookAtFirstError(root) {
    var field = root.querySelector('[aria-invalid="true"]');
    if (field) field.focus();
  }

  document.addEventListener("htmx:afterSettle", function (event) {
    if (event.target.matches && event.target.matches("form.cova-form, #cova-order, #cova-specifications")) lookAtFirstError(event.target);
  });

  function say(level, text) {
    var box = document.getElementById("cova-toasts");
    if (!box || !text) return;
    var toast = document.createElement("p");
    toast.className = "cova-toast is-" + (level === "error" ? "error" : "ok");
    toast.textContent = text;
    var close = document.createElement("button");
    close.type = "button";
    close.textContent = "×";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", function () { toast.remove(); });
    toast.appendChild(close);
    box.replaceChildren(toast);
    // A failure stays until it was read.
    if (level !== "error") setTimeout(function () { toast.remove(); }, 8000);
  }

  document.addEventListener("cova-toast", function (event) {
    say(event.detail.level, event.detail.text);
  });

  document.addEventListener("htmx:sendError", function (event) {
    if (ours(event.target) && !event.target.hasAttribute("hx-trigger")) say("error", "The shop's server cannot be reached. Check your connection and try again.");
  });

  document.addEventListener("htmx:responseError", function (event) {
    var xhr = event.detail.xhr;
    if (ours(event.target) && !xhr.getResponseHeader("HX-Trigger")) say("error", "Something went wrong on the shop's server. Reload the page and try again.");
  });

  // Test connection leaves the form alone, so that a typed password stays; its errors come apart.
  document.addEventListener("cova-field-errors", function (event) {
    var form = document.getElementById("cova-settings");
    if (!form) return;
    var errors = event.detail.errors;
    form.querySelectorAll(".cova-error").forEach(function (place) {
      var name = place.id.replace(/^field-/, "").replace(/-error$/, "");
      var field = document.getElementById("field-" + name);
      place.textContent = errors[name] || "";
      place.hidden = !errors[name];
      if (errors[name]) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    });
    // What an earlier refusal said at the top of the form is no longer what is the matter.
    form.querySelectorAll('[role="alert"]').forEach(function (alert) { alert.remove(); });
    lookAtFirstError(form);
  });

  // The frame of a host may not bring htmx. It has to come after everything else has loaded:
  // htmx wires the page up at once only when the page is complete.
  window.addEventListener("load", function () {
    if (window.htmx || !me || !me.dataset.htmx) return;
    var script = document.createElement("script");
    script.src = me.dataset.htmx;
    document.head.appendChild(script);
  });
})();
