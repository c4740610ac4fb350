// The driver on a page without a kernel: scenes travel with the page, and once its reader asks it
// to, the page computes others.
function openPage(identity) {
  const root = document.getElementById(identity);
  const content = JSON.parse(document.getElementById(`${identity}-content`).textContent);
  const about = content.about, names = Object.keys(about.fields), tiles = new Map();
  const computing = about.computing, networks = new Map();
  const assets = `${document.documentElement.dataset.content_root ?? ""}_static`;
  let loading = null, ready = false, maps = null;

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

  /** Load the library and the maps; once, however often it is asked. */
  function prepare() {
    loading ??= (async () => {
      await loadLibrary(`${assets}/offline/tensorflow`);
      await loadScript(`${assets}/explorer/${computing.maps}`);
      maps = window.cgmExplorer.maps;
      for (const [halo, text] of Object.entries(maps.halos)) {
        maps.halos[halo] = new Uint16Array(bytesOf(text).buffer);
      }
      ready = true;
    })().catch((error) => {
      loading = null;
      throw new Error(`This page can't compute here: ${error.message}. In the built book it can, `
        + "best over http: `make serve` shows it on this machine.");
    });
    return loading;
  }

  async function networkOf(key) {
    if (!networks.has(key)) {
      if (!(key in window.cgmExplorer)) {
        await loadScript(`${assets}/explorer/${computing.networks[key]}`);
      }
      const network = window.cgmExplorer[key];
      networks.set(key, [network, readLayers(network)]);
    }
    return networks.get(key);
  }

  /** Pixels of a square of a given side that lie in one of the circles. */
  function hidden(masked, side) {
    const found = new Uint8Array(side * side), pixel = 2 * about.halfWidth / side;
    for (const [x, y, radius] of masked) {
      for (let i = 0; i < found.length; i++) {
        const right = ((i % side) + 0.5) * pixel - about.halfWidth;
        const up = (Math.floor(i / side) + 0.5) * pixel - about.halfWidth;
        if (Math.hypot(right - x, up - y) <= radius) found[i] = 1;
      }
    }
    return found;
  }

  const source = (selection, field, twins) => twins[selection.swapped[field]] ?? selection.halo;

  /** log10 of a field's pixels as a network takes them, with the reader's changes. */
  function seenBy(network, selection, field, twins, mask) {
    const size = computing.size, n = names.indexOf(field), { floor, surveyLimit } = about.fields[field];
    const shift = selection.limits === "own" ? selection.depth : 0;
    const limit = Math.max(surveyLimit + shift, floor), fill = Math.min(limit, surveyLimit);
    const brighter = selection.brightness[field] ?? 0, low = maps.low[n];
    const step = (maps.high[n] - low) / (2 ** 16 - 2), dropped = selection.dropped?.[field];
    const which = "xyz".indexOf(selection.axis) * names.length + n;
    const stored = dropped ? coarser(dropped, size) : Float32Array.from(
      maps.halos[source(selection, field, twins)].subarray(which * size ** 2, (which + 1) * size ** 2),
      (level) => (level ? low + (level - 1) * step : -Infinity));
    return stored.map((value, i) => (mask[i] || value + brighter < limit ? fill : value + brighter));
  }

  /** A field's image for the view, with the reader's changes and without limits. */
  async function imageOf(selection, field, twins) {
    const n = names.indexOf(field), size = about.pixels ** 2, dropped = selection.dropped?.[field];
    const halo = source(selection, field, twins);
    const { low, high } = content.scenes[`${halo}/${selection.axis}`].images[n];
    const which = "xyz".indexOf(selection.axis) * names.length + n;
    const image = dropped ? quantised(dropped, field)
      : { low, high, levels: (await levelsOf(halo)).slice(which * size, (which + 1) * size) };
    const brighter = selection.brightness[field] ?? 0;
    const mask = hidden(selection.masked, Math.sqrt(image.levels.length));
    return { field, low: image.low + brighter, high: image.high + brighter,
      levels: image.levels.map((level, i) => (mask[i] ? 0 : level)) };
  }

  function quantised(values, field) {
    const high = values.reduce((a, b) => Math.max(a, b)), low = high - about.fields[field].range - 1;
    return { low, high, levels: Uint8Array.from(values, (value) =>
      Math.max(0, Math.round((value - low) / (high - low) * 255))) };
  }

  const changed = (selection) => Boolean(selection.trained_on || selection.dropped
    || selection.masked.length || Object.values(selection.swapped).some(Boolean)
    || Object.values(selection.brightness).some(Boolean)
    || (selection.limits === "own" && !content.about.computed.includes(selection.depth)));

  async function ask(selection) {
    const { halo, axis, fields } = selection, { twins } = content.scenes[`${halo}/${axis}`];
    const images = await Promise.all(fields.map((field) => imageOf(selection, field, twins)));
    const scene = { halo, axis, images, twins };
    if (!changed(selection)) {
      const which = selection.limits === "ideal" ? "ideal"
        : about.computed.indexOf(selection.limits === "own" ? selection.depth : 0);
      return { ...scene, ...content.moments[`${halo}/${axis}/${which}/${fields.join("+")}`] };
    }
    if (!computing) return { problem: "This page doesn't compute." };
    try {
      await prepare();
      const suite = selection.trained_on || Object.keys(about.suites)[
        about.halos.suite[about.halos.number.indexOf(halo)]];
      const ordered = names.filter((name) => fields.includes(name)), key = `${suite}/${ordered.join("+")}`;
      const words = `trained on ${suite}, `
        + `${ordered.map((name) => about.fields[name].title).join(" + ")}, survey limits`;
      if (!(key in computing.networks)) {
        return { ...scene, network: `there is no network on this page ${words}`, mean: null, std: null,
          outside: [] };
      }
      const [network, layers] = await networkOf(key), mask = hidden(selection.masked, computing.size);
      const inputs = network.fields.map((field) => seenBy(network, selection, field, twins, mask));
      return { ...scene, network: `network ${words}`,
        ...infer(network, layers, inputs, computing.size) };
    } catch (error) {
      return { problem: error.message };
    }
  }

  about.computed = about.depths;
  const moves = computing && { prepare, weight: computing.bytes,
    readFile: async (file) => mapsOf(await file.arrayBuffer(), about, computing.size) };
  buildExplorer(root, about, content.start, { ask, moves });
}
