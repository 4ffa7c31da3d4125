// Light or dark: as the system says, until the button says otherwise.

const root = document.documentElement;
const themeButton = document.getElementById("theme");
const systemDark = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches;
}

function showTheme() {
  themeButton.textContent = isDark() ? "Light" : "Dark";
  themeButton.setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
  recolour();
}

function startTheme() {
  // A page on a disk may have no storage.
  try { root.dataset.theme = localStorage.getItem("covergenre-theme") ?? ""; } catch { /* as it is */ }
  if (!root.dataset.theme) delete root.dataset.theme;
  themeButton.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("covergenre-theme", root.dataset.theme); } catch { /* not kept */ }
    showTheme();
  });
  systemDark.addEventListener("change", showTheme);
  showTheme();
}
