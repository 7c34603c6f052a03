import { defineConfig } from "vite";

export default defineConfig({
  build: {
    target: "es2023",
    assetsInlineLimit: 0, // a page under a strict Content-Security-Policy takes no data: scripts or fonts
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    // `npm run dev` beside a running service: pages from the sources, everything else from there
    proxy: {
      "/api": { target: "http://localhost:8080", ws: true },
      "/phone-ws": { target: "http://localhost:8080", ws: true },
      "/codes": "http://localhost:8080",
    },
  },
});
