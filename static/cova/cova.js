/* What the staff pages do in the browser beyond htmx: the CSRF token, what is said in passing, where
   the focus goes when a part of the page is made anew, what is kept of what was typed, and what is
   said when the shop does not answer. Everything works without it. */
(function () {
  "use strict";

  // A page may bring it twice: a frame of the host with a Sync button in it, around a page of ours.
  if (window.covaIsHere) return;
  window.covaIsHere = true;

  var UNSAFE = ["POST", "PUT", "PATCH", "DELETE"];
  var POLL_PATIENCE = 20000, PATIENCE = 90000, SLOW = 1500;
  var ACTED = "cova-acted";
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

  function isPoll(element) {
    return /\bevery\b/.test(element.getAttribute("hx-trigger") || "");
  }

  function isAction(element) {
    return !element.hasAttribute("hx-trigger");
  }

  // htmx 2 and htmx 4 announce a request under different names.
  document.addEventListener("htmx:configRequest", function (event) {
    if (!ours(event.target)) return;
    var asked = event.detail;
    if (isUnsafe(asked.verb) && token()) asked.headers["X-CSRFToken"] = token();
    // A server that never answers is one that cannot be reached.
    asked.timeout = asked.timeout || (isPoll(event.target) ? POLL_PATIENCE : PATIENCE);
  });
  document.addEventListener("htmx:config:request", function (event) {
    var asked = event.detail.ctx.request;
    if (ours(event.target) && isUnsafe(asked.method) && token()) asked.headers["X-CSRFToken"] = token();
  });

  // --- what is said ------------------------------------------------------------------------------

  // A page of the host with a Sync button has no place for words: it gets one, empty, beforehand.
  function makeRoom() {
    if (document.getElementById("cova-toasts") || !document.querySelector(".cova-sync")) return;
    var room = document.createElement("div");
    room.id = room.className = "cova-toasts";
    [["cova-standing", "role", "status"], ["cova-notes", "role", "status"], ["cova-alerts", "aria-live", "assertive"]].forEach(function (each) {
      var place = document.createElement(each[0] === "cova-standing" ? "p" : "div");
      place.id = each[0];
      if (each[0] === "cova-standing") place.className = each[0];
      place.setAttribute(each[1], each[2]);
      room.appendChild(place);
    });
    document.body.appendChild(room);
  }
  makeRoom();

  function box(id) {
    return document.getElementById(id) || document.getElementById("cova-toasts");
  }

  function hush() {
    document.querySelectorAll(".cova-toast").forEach(function (toast) { toast.remove(); });
  }

  function say(level, text) {
    var place = box(level === "error" ? "cova-alerts" : "cova-notes");
    if (!place || !text) return;
    var toast = document.createElement("p"), from = document.activeElement;
    toast.className = "cova-toast is-" + (level === "error" ? "error" : "ok");
    toast.textContent = text;
    var close = document.createElement("button");
    close.type = "button";
    close.textContent = "×";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("focus", function (event) {
      if (event.relatedTarget && !toast.contains(event.relatedTarget)) from = event.relatedTarget;
    });
    close.addEventListener("click", function () {
      toast.remove();
      var page = document.getElementById("cova");
      if (isFree()) focusOn(from && from.isConnected ? from : page && newsIn(page));
    });
    toast.appendChild(close);
    hush();
    place.replaceChildren(toast);
    // A failure stays until it was read, and nothing goes from under a pointer or the focus.
    if (level !== "error") later(toast);
    uncover();
  }

  // How the thing a page is about stands, in the words of its first badge.
  function stateOf(root) {
    var badge = root.querySelector(".cova-badge");
    return badge ? textOf(badge) : "";
  }

  // What was said of a state that has moved on is not true any more.
  function outdate() {
    document.querySelectorAll("#cova-notes .cova-toast").forEach(function (toast) {
      if (!toast.matches(":focus-within")) toast.remove();
    });
  }

  function later(toast) {
    setTimeout(function () {
      if (toast.matches(":hover, :focus-within")) later(toast);
      else toast.remove();
    }, 8000);
  }

  // What has the focus is never under a toast.
  function uncover() {
    var toast = document.querySelector(".cova-toast"), held = document.activeElement;
    if (!toast || isFree() || toast.contains(held)) return;
    var over = toast.getBoundingClientRect(), under = held.getBoundingClientRect();
    if (under.bottom > over.top && under.top < over.bottom && under.right > over.left) moveBy(under.bottom - over.top + 12);
  }
  document.addEventListener("focusin", uncover);

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    var ask = event.target.closest && event.target.closest("details.cova-ask[open]");
    if (ask) return leave(ask);
    var close = document.querySelector(".cova-toast button");
    if (close) close.click();
  });

  document.addEventListener("cova-toast", function (event) {
    say(event.detail.level, event.detail.text);
  });

  // A state that lasts, such as a lost connection: said once, and taken back once.
  function standing(text) {
    var place = document.getElementById("cova-standing");
    if (place && place.textContent !== text) place.textContent = text;
  }

  // --- when the shop does not answer --------------------------------------------------------------

  function failed(event, lost, broken) {
    if (!ours(event.target)) return;
    if (isPoll(event.target)) standing(lost);
    else if (isAction(event.target)) say("error", broken);
  }

  function notReached() {
    return navigator.onLine === false
      ? "You are offline. Nothing was saved; what you typed is still here. Try again once you are connected."
      : "Could not reach the shop. It cannot be said whether this was saved; what you typed is still here. Check your connection and try again.";
  }

  document.addEventListener("htmx:sendError", function (event) {
    failed(event, "Connection lost. Trying again…", notReached());
  });

  document.addEventListener("htmx:timeout", function (event) {
    failed(event, "The shop does not answer. Trying again…",
      "The shop did not answer in time. It may have been done all the same: reload the page and look before you press again.");
  });

  document.addEventListener("htmx:responseError", function (event) {
    var xhr = event.detail.xhr;
    // A message of its own came along, and is said by cova-toast.
    if (xhr.getResponseHeader("HX-Trigger") && !isPoll(event.target)) return;
    failed(event, "The shop's server has a problem (" + xhr.status + "). Trying again…",
      "Something went wrong on the shop's server (" + xhr.status + "). What you typed is still here. Try again; if it stays like this, tell whoever runs the shop.");
  });

  document.addEventListener("htmx:afterRequest", function (event) {
    var place = document.getElementById("cova-standing"), asked = event.detail.requestConfig;
    if (!event.detail.successful || !place || !place.textContent || !asked || !isPoll(asked.elt)) return;
    standing("Connected again.");
    setTimeout(function () { if (place.textContent === "Connected again.") standing(""); }, 4000);
  });

  // A plain form would leave the page for the browser's own error, and lose what was typed.
  document.addEventListener("submit", function (event) {
    if (!ours(event.target) || event.defaultPrevented || event.target.hasAttribute("hx-post") || event.target.hasAttribute("hx-get")) return;
    if (navigator.onLine === false) {
      event.preventDefault();
      say("error", notReached());
    } else if (isUnsafe(event.target.method)) remember(event.submitter);
  });

  // --- focus, and what was typed ------------------------------------------------------------------

  var CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  var pressed = new WeakMap(), places = new WeakMap();

  function isFree() {
    var held = document.activeElement;
    return !held || held === document.body || held === document.documentElement;
  }

  function isUsable(element) {
    return Boolean(element) && !element.disabled && element.getClientRects().length > 0;
  }

  function moveBy(pixels) {
    if (Math.abs(pixels) > 1) window.scrollBy({ top: pixels, behavior: "instant" });
  }

  function hold(element) {
    if (!element.matches(CONTROLS) && !element.hasAttribute("tabindex")) element.setAttribute("tabindex", "-1");
    element.focus({ preventScroll: true });
  }

  function focusOn(element) {
    if (!element) return;
    hold(element);
    element.scrollIntoView({ block: "nearest", behavior: "instant" });
    uncover();
  }

  function textOf(element) {
    return (element.getAttribute("aria-label") || element.textContent || "").replace(/\s+/g, " ").trim();
  }

  // What tells that a control of the new content is the one that was there before.
  function signOf(element) {
    var tag = element.tagName, parts = [tag, element.type || "", element.name || ""];
    if (tag === "A") parts.push(element.getAttribute("href"), textOf(element));
    else if (tag === "BUTTON" || tag === "SUMMARY") parts.push(element.value || "", textOf(element), element.form ? element.form.getAttribute("action") : "");
    else if (/^(radio|checkbox)$/.test(element.type)) parts.push(element.value);
    return parts.join("\n");
  }

  function alike(root, sign) {
    return Array.prototype.filter.call(root.querySelectorAll(CONTROLS), function (each) { return signOf(each) === sign; });
  }

  function fieldsOf(root) {
    return Array.prototype.filter.call(root.querySelectorAll("input:not([type=hidden]), select, textarea"), function (each) { return each.name || each.id; });
  }

  function isChanged(field) {
    if (/^(radio|checkbox)$/.test(field.type)) return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return Array.prototype.some.call(field.options, function (each) { return each.selected !== each.defaultSelected; });
    return field.value !== field.defaultValue;
  }

  function typedIn(root, wanted) {
    return fieldsOf(root).filter(wanted).map(function (field) {
      var sign = signOf(field);
      return { id: field.id, sign: sign, nth: alike(root, sign).indexOf(field), value: field.value, checked: field.checked };
    });
  }

  function counterpart(root, kept) {
    var byId = kept.id && document.getElementById(kept.id);
    if (byId) return isUsable(byId) ? byId : null;
    if (kept.sign === undefined) return null;
    return alike(root, kept.sign)[kept.nth] || null;
  }

  // Where the reader is in the part that is about to go.
  function placeOf(element, target) {
    var place = { element: element, id: element.id, top: element.getBoundingClientRect().top };
    if (!element.matches(CONTROLS)) return place;
    place.sign = signOf(element);
    place.nth = alike(target, place.sign).indexOf(element);
    var part = element.closest("[aria-labelledby]");
    if (part && target.contains(part)) place.part = part.getAttribute("aria-labelledby").split(" ")[0];
    return place;
  }

  // What the new content has to say: the heading of the part, its message, any heading, itself.
  function newsIn(root, part) {
    var heading = part && document.getElementById(part);
    if (heading && isUsable(heading)) return heading;
    return ['[role="status"], [role="alert"], .cova-note', "h1, h2, h3", "a[href], button"].reduce(function (found, what) {
      return found || Array.prototype.find.call(root.querySelectorAll(what), function (each) { return isUsable(each) && textOf(each); });
    }, null) || root;
  }

  function lookAtFirstError(root) {
    var wrong = root.querySelector('[aria-invalid="true"]') || root.querySelector('[role="alert"]');
    if (!wrong) return false;
    var folded = wrong.closest("details:not([open])");
    if (folded) folded.open = true;
    focusOn(wrong);
    return true;
  }

  function summaryOf(details) {
    var summary = details.querySelector("summary");
    return details.id || (summary ? textOf(summary) : "");
  }

  document.addEventListener("htmx:beforeRequest", function (event) {
    if (!ours(event.target)) return;
    var held = document.activeElement, xhr = event.detail.xhr;
    if (!isAction(event.target)) return;
    if (!isFree() && ours(held)) pressed.set(xhr, held);
    var slow = setTimeout(function () { standing("Still working…"); }, SLOW);
    xhr.addEventListener("loadend", function () {
      clearTimeout(slow);
      if ((document.getElementById("cova-standing") || {}).textContent === "Still working…") standing("");
    });
  });

  document.addEventListener("htmx:beforeSwap", function (event) {
    var detail = event.detail, xhr = detail.xhr, target = detail.target;
    if (!xhr || !ours(target)) return;
    // A whole page is never a part of one: somebody was signed out, or sent elsewhere.
    if (/^\s*<(!doctype|html)/i.test(detail.serverResponse || "")) {
      detail.shouldSwap = false;
      return failed(event, "This page is no longer kept up to date: you may be signed out. Reload it.",
        "The shop sent another page instead: you may be signed out. Nothing is lost here yet; sign in again in another tab, then try again.");
    }
    // A refused form (422) is shown again, whatever the host's own htmx configuration says.
    if (xhr.status === 422) {
      detail.shouldSwap = true;
      detail.isError = false;
    }
    if (!detail.shouldSwap) return;
    var held = isFree() ? pressed.get(xhr) : document.activeElement;
    // What a poll brings may be put elsewhere than where it was asked from.
    var isReading = isPoll((detail.requestConfig || {}).elt || event.target);
    places.set(xhr, {
      place: held && held.isConnected && (target.contains(held) || held === pressed.get(xhr)) ? placeOf(held, target) : null,
      open: Array.prototype.filter.call(target.querySelectorAll("details[open]"), function (each) {
        return isReading || !each.matches(".cova-ask");
      }).map(summaryOf),
      state: isReading ? stateOf(target) : null,
      // What came by itself takes nothing away that somebody is typing.
      typed: isReading ? typedIn(target, isChanged) : [],
      secrets: xhr.status === 422 ? typedIn(target, function (field) { return field.type === "password" && field.value; }) : [],
    });
  });

  document.addEventListener("htmx:afterSwap", function (event) {
    var xhr = event.detail.xhr, kept = places.get(xhr), root = event.target;
    if (!kept || !root.querySelectorAll) return;
    places.delete(xhr);
    if (kept.state !== null && kept.state !== stateOf(root)) outdate();
    root.querySelectorAll("details:not([open])").forEach(function (each) {
      if (kept.open.indexOf(summaryOf(each)) >= 0) each.open = true;
    });
    kept.typed.forEach(function (each) {
      var field = counterpart(root, each);
      if (!field) return;
      field.value = each.value;
      if (/^(radio|checkbox)$/.test(field.type)) field.checked = each.checked;
    });
    keepSecrets(root, kept.secrets);
    if (root.matches("[autofocus]") || root.querySelector("[autofocus]")) return;
    if (xhr.status === 422 && lookAtFirstError(root)) return;
    if (kept.place) stayAt(kept.place, root);
  });

  // A secret is never sent back, but the browser still has what was typed here.
  function keepSecrets(root, secrets) {
    if (!secrets.length) return;
    secrets.forEach(function (each) {
      var field = counterpart(root, each);
      if (field && field.getAttribute("aria-invalid") !== "true") field.value = each.value;
    });
    root.querySelectorAll(".cova-retype").forEach(function (text) { text.hidden = true; });
  }

  function stayAt(place, root) {
    var again = place.element.isConnected ? place.element : counterpart(root, place);
    // A button that is still disabled gets the focus back when its request is over.
    var isWaiting = again && again.disabled && again === place.element;
    if (!isWaiting && !isUsable(again)) return focusOn(newsIn(root, place.part));
    if (!isWaiting) hold(again);
    moveBy(again.getBoundingClientRect().top - place.top);
    uncover();
  }

  document.addEventListener("htmx:afterRequest", function (event) {
    var held = pressed.get(event.detail.xhr);
    if (!held || !isFree()) return;
    if (held.isConnected && isUsable(held)) held.focus({ preventScroll: true });
    else if (document.getElementById("cova")) focusOn(newsIn(document.getElementById("cova")));
  });

  // A plain form leads to a whole page: its message, or its heading, comes first.
  function remember() {
    try { sessionStorage.setItem(ACTED, String(Date.now())); } catch (_refused) { /* then not */ }
  }

  function arrive() {
    var acted = 0, page = document.getElementById("cova");
    try {
      acted = Number(sessionStorage.getItem(ACTED));
      sessionStorage.removeItem(ACTED);
    } catch (_refused) { return; }
    if (!page || !isFree() || location.hash || Date.now() - acted > 120000) return;
    if (lookAtFirstError(page)) return;
    focusOn(page.querySelector(".cova-note") || page.querySelector("h1"));
  }

  // --- a question before something that cannot be taken back ---------------------------------------

  function leave(ask) {
    ask.open = false;
    focusOn(ask.querySelector("summary"));
  }

  document.addEventListener("toggle", function (event) {
    var ask = event.target;
    if (!ask.matches || !ask.matches("details.cova-ask") || !ask.open) return;
    // One that was opened again by us, after a poll, keeps the focus where it is.
    if (document.activeElement === ask.querySelector("summary")) focusOn(ask.querySelector(".cova-question"));
  }, true);

  document.addEventListener("click", function (event) {
    var no = event.target.closest && event.target.closest(".cova-ask a.cova-no");
    if (!no) return;
    event.preventDefault();
    leave(no.closest("details"));
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
    arrive();
    // On a narrow screen the menu scrolls sideways: the page one is on is in sight.
    var menu = document.querySelector(".cova-menu"), current = menu && menu.querySelector("[aria-current]");
    if (current) menu.scrollLeft += current.getBoundingClientRect().left - menu.getBoundingClientRect().left - 40;
    if (window.htmx || !me || !me.dataset.htmx) return;
    var script = document.createElement("script");
    script.src = me.dataset.htmx;
    document.head.appendChild(script);
  });
})();
