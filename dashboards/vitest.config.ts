import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["src/**/*.test.ts"], environment: "node" } },
      {
        test: {
          name: "browser",
          include: ["tests/*.test.ts"],
          environment: "node",
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // A busy computer draws late; what never comes still fails.
          expect: { poll: { timeout: 15_000 } },
          // One browser and one server a file.
          sequence: { groupOrder: 1 },
          retry: 0,
        },
      },
      ...(process.env.KILN_FIGURES
        ? [
            {
              test: {
                name: "figures",
                include: ["tests/*.figures.ts"],
                environment: "node" as const,
                testTimeout: 60_000,
                hookTimeout: 60_000,
              },
            },
          ]
        : []),
    ],
  },
});
