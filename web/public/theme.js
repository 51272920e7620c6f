// Owns one thing: the chosen theme is on <html> before the first paint, so the page never flashes.
// A file of its own because the page allows no inline script.
try {
  var theme = localStorage.getItem('tutti.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be switched off; the system's own preference then decides.
}
