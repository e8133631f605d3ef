// Reads a window of a GeoTIFF where it lies with geotiff.js, and tells what it found:
// node read_window.mjs FOLDER URL LEFT TOP RIGHT BOTTOM
import { createRequire } from "node:module";

const [folder, url, ...edges] = process.argv.slice(2);
const { fromUrl } = createRequire(`${folder}/`)("geotiff");
const tiff = await fromUrl(url);
const image = await tiff.getImage();
const [values] = await image.readRasters({ window: edges.map(Number) });
console.log(
  JSON.stringify({
    size: [image.getWidth(), image.getHeight()],
    box: image.getBoundingBox(),
    values: Array.from(values),
  }),
);
