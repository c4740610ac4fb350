// The driver on a page without a kernel: every scene travels with the page.
function openPage(identity) {
  const root = document.getElementById(identity);
  const content = JSON.parse(document.getElementById(`${identity}-content`).textContent);
  const about = content.about, names = Object.keys(about.fields), tiles = new Map();

  /** Levels of all maps of a halo: tiles in order of axis and field, read from a grey picture. */
  async function levelsOf(halo) {
    if (!tiles.has(halo)) {
      const picture = new Image();
      picture.src = `data:image/png;base64,${content.tiles[halo]}`;
      await picture.decode();
      const canvas = document.createElement("canvas");
      canvas.width = picture.width;
      canvas.height = picture.height;
      const pen = canvas.getContext("2d");
      pen.drawImage(picture, 0, 0);
      const pixels = pen.getImageData(0, 0, picture.width, picture.height).data;
      tiles.set(halo, Uint8Array.from({ length: pixels.length / 4 }, (_, i) => pixels[4 * i]));
    }
    return tiles.get(halo);
  }

  async function ask(selection) {
    const depth = selection.limits === "own" ? selection.depth : 0;
    const limits = selection.limits === "ideal" ? "ideal" : about.depths.indexOf(depth);
    const key = `${selection.halo}/${selection.axis}/${limits}`, size = about.pixels ** 2;
    const levels = await levelsOf(selection.halo), scene = content.scenes[key];
    const [network, mean, std] = content.moments[`${key}/${selection.fields.join("+")}`];
    const images = selection.fields.map((name) => {
      const which = "xyz".indexOf(selection.axis) * names.length + names.indexOf(name);
      const image = scene.images[names.indexOf(name)];
      return { ...image, levels: levels.subarray(which * size, (which + 1) * size) };
    });
    return { ...scene, images, network, mean, std };
  }
  buildExplorer(root, about, content.start, ask);
}
