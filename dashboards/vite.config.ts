import { defineConfig } from "vite";

// KILN_DASHBOARD_OUT: where the built files go (CMake names its build folder).
export default defineConfig({
  base: "/",
  build: {
    outDir: process.env.KILN_DASHBOARD_OUT ?? "dist",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: "esnext",
    // Nothing inline: the content security policy allows files only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: "manifest.json",
    reportCompressedSize: false,
  },
});
