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
    const { halo, axis, fields } = selection;
    const depth = selection.limits === "own" ? selection.depth : 0;
    const limits = selection.limits === "ideal" ? "ideal" : about.depths.indexOf(depth);
    const levels = await levelsOf(halo), size = about.pixels ** 2;
    const scene = content.scenes[`${halo}/${axis}`];
    const images = fields.map((name) => {
      const which = "xyz".indexOf(axis) * names.length + names.indexOf(name);
      return { ...scene.images[names.indexOf(name)],
        levels: levels.subarray(which * size, (which + 1) * size) };
    });
    const moments = content.moments[`${halo}/${axis}/${limits}/${fields.join("+")}`];
    return { halo, axis, images, twins: scene.twins, ...moments };
  }
  buildExplorer(root, about, content.start, ask);
}
