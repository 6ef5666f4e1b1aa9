// Before the first paint, so that a chosen theme does not flash. A file, since the page's policy
// allows no inline script.
try {
  var theme = localStorage.getItem("labd-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme is shown.
}
