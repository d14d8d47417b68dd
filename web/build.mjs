// Builds the page into api/web/dist: one module, MapLibre's worker beside it, the styles, the fonts and the
// base map. `--tests` bundles the unit tests into .test/ instead, `--watch` rebuilds on change.

import { build, context } from "esbuild";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "api", "web", "dist");
const geo = process.env.CORRIDOR_GEO_DATA ?? join(here, "..", "geofences", "data", "osm");
const maplibre = join(here, "node_modules", "maplibre-gl");

async function buildTests() {
  const tests = (await readdir(join(here, "test"))).filter((name) => name.endsWith(".test.ts"));
  await rm(join(here, ".test"), { recursive: true, force: true });
  await build({
    entryPoints: tests.map((name) => join(here, "test", name)),
    outdir: join(here, ".test"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning",
  });
}

async function copyGeoData() {
  for (const name of ["basemap.geojson", "places.geojson"]) {
    const text = await readFile(join(geo, name), "utf8").catch(() => {
      throw new Error(`base map missing: got no ${join(geo, name)}, want the file that geofences ships`);
    });
    await writeFile(join(out, name), JSON.stringify(JSON.parse(text)));
  }
}

async function copyWorker() {
  const name = "maplibre-gl-worker.mjs";
  const text = await readFile(join(maplibre, "dist", name), "utf8");
  await writeFile(join(out, name), text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n"));
}

async function copyLicences() {
  const parts = [
    ["MapLibre GL JS (BSD-3-Clause)", join(maplibre, "LICENSE.txt")],
    ["Inter typeface (OFL-1.1)", join(here, "node_modules", "@fontsource-variable", "inter", "LICENSE")],
    ["Base map", join(geo, "NOTICE")],
  ];
  const texts = await Promise.all(parts.map(async ([name, path]) => `${name}\n\n${await readFile(path, "utf8")}`));
  await writeFile(join(out, "licences.txt"), texts.join(`\n${"=".repeat(78)}\n\n`));
}

async function buildPage(watch) {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const options = {
    entryPoints: { page: join(here, "src", "main.ts"), style: join(here, "src", "style", "page.css") },
    outdir: out,
    bundle: true,
    minify: !watch,
    sourcemap: watch ? "inline" : false,
    format: "esm",
    target: ["es2022", "chrome109", "firefox115", "safari16"],
    loader: { ".woff2": "file", ".svg": "dataurl" },
    assetNames: "[name]",
    logLevel: "warning",
  };
  await cp(join(here, "index.html"), join(out, "index.html"));
  await cp(join(here, "icon.svg"), join(out, "icon.svg"));
  await copyWorker();
  await Promise.all([copyGeoData(), copyLicences()]);
  if (watch) await (await context(options)).watch();
  else await build(options);
}

try {
  if (process.argv.includes("--tests")) await buildTests();
  else await buildPage(process.argv.includes("--watch"));
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
