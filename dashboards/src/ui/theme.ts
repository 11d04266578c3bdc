// Light, dark, or as the computer has it.
export type Theme = "auto" | "light" | "dark";

export function theme(): Theme {
  try {
    const kept = localStorage.getItem("kiln.theme");
    return kept === "light" || kept === "dark" ? kept : "auto";
  } catch {
    return "auto";
  }
}

export function applyTheme(chosen?: Theme) {
  const now = chosen ?? theme();
  if (chosen) {
    try {
      localStorage.setItem("kiln.theme", chosen);
    } catch {
      // Forgotten with the window, then.
    }
  }
  if (now === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = now;
}
