// Sets the chosen theme on <html> before the first paint, so that the page never flashes.
// A file of its own because the content policy allows no inline script.
try {
  var theme = localStorage.getItem('tutti.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be disabled; the system's preference then decides.
}
