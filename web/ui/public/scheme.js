// Sets the colour scheme before the first paint, so that a dark desk never flashes white.
// A file of its own because the content security policy allows no inline scripts.
(function () {
  var wish = "auto";
  try {
    wish = localStorage.getItem("presage.scheme") || "auto";
  } catch {
    // Storage is switched off: follow the system.
  }
  var dark = wish === "dark" || (wish === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
