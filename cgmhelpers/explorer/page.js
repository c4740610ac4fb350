// The driver on a page without a kernel: scenes travel with the page, and once its reader asks it
// to, the page computes others.
function openPage(identity) {
  const root = document.getElementById(identity);
  const content = JSON.parse(document.getElementById(`${identity}-content`).textContent);
  const about = content.about, names = Object.keys(about.fields), tiles = new Map();
  const computing = about.computing, loaded = new Map();
  const assets = `${document.documentElement.dataset.content_root ?? ""}_static`;

  /** Levels of all maps of a halo, in order of axis and field: each row as what it adds to the last. */
  async function levelsOf(halo) {
    if (!tiles.has(halo)) {
      const packed = new Blob([bytesOf(content.tiles[halo])]);
      const levels = new Uint8Array(await inflated(packed, "deflate"));
      for (let i = about.pixels; i < levels.length; i++) levels[i] += levels[i - about.pixels];
      tiles.set(halo, levels);
    }
    return tiles.get(halo);
  }

  /** What a script hands over, made usable; once, however often it is asked. */
  function load(key, read) {
    if (!loaded.has(key)) {
      const file = `${assets}/explorer/${key.replace(/[ /+]/g, "_")}.js`;
      loaded.set(key, loadScript(file).then(() => read(...window.cgmExplorer[key])));
      loaded.get(key).catch(() => loaded.delete(key));
    }
    return loaded.get(key);
  }

  let library = null;
  /** Load the library, and the maps and the network of a selection. */
  async function prepare(selection) {
    try {
      library ??= loadLibrary(`${assets}/offline/tensorflow`);
      await library;
      const { twins } = content.scenes[`${selection.halo}/${selection.axis}`];
      const halos = new Set([selection.halo, ...selection.fields.map((field) =>
        source(selection, field, twins))]);
      const key = keyOf(selection), maps = {};
      await Promise.all([...halos].map(async (halo) => {
        maps[halo] = await load(`halo ${halo}`, (_, text) => unpacked(text, 16));
      }));
      const network = computing.networks.includes(key) && await load(key,
        (one, ...texts) => [one, readLayers(one, texts)]);
      return [maps, network];
    } catch (error) {
      library = null;
      throw new Error(`This page can't compute here: ${error.message}.`);
    }
  }

  const inOrder = (fields) => names.filter((name) => fields.includes(name));
  const suiteOf = (selection) => selection.trained_on
    || Object.keys(about.suites)[about.halos.suite[about.halos.number.indexOf(selection.halo)]];
  const keyOf = (selection) => `${suiteOf(selection)}/${inOrder(selection.fields).join("+")}`;

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

  /** log10 of a field's pixels with the reader's changes but for the mask, and without limits.
   * stored: log10 of its pixels. side: of the map before it was averaged to that of `stored`. */
  function altered(stored, selection, field, side) {
    const brighter = selection.brightness[field] ?? 0, level = selection.noise[field] ?? 0;
    if (!level) return stored.map((value) => value + brighter);
    const noise = averaged(gaussianNoise(side, names.indexOf(field)), Math.sqrt(stored.length));
    const scale = level * 10 ** about.fields[field].surveyLimit;
    return stored.map((value, i) =>
      Math.log10(Math.max(10 ** (value + brighter) + scale * noise[i], 0)));
  }

  /** log10 of a field's pixels as a network takes them, with the reader's changes. */
  function seenBy(maps, selection, field, twins, mask) {
    const size = computing.size, n = names.indexOf(field), { floor, surveyLimit } = about.fields[field];
    const shift = selection.limits === "own" ? selection.depth : 0;
    const limit = Math.max(surveyLimit + shift, floor), fill = Math.min(limit, surveyLimit);
    const low = computing.low[n], step = (computing.high[n] - low) / (2 ** 16 - 2);
    const which = "xyz".indexOf(selection.axis) * names.length + n, dropped = selection.dropped?.[field];
    const stored = dropped ? coarser(dropped, size) : Float64Array.from(
      maps[source(selection, field, twins)].subarray(which * size ** 2, (which + 1) * size ** 2),
      (level) => (level ? low + (level - 1) * step : -Infinity));
    return altered(stored, selection, field, dropped ? Math.sqrt(dropped.length) : about.pixels)
      .map((value, i) => (mask[i] || value < limit ? fill : value));
  }

  /** A field's image for the view, with the reader's changes and without limits. */
  async function imageOf(selection, field, twins) {
    const n = names.indexOf(field), size = about.pixels ** 2, dropped = selection.dropped?.[field];
    const halo = source(selection, field, twins), brighter = selection.brightness[field] ?? 0;
    const which = "xyz".indexOf(selection.axis) * names.length + n;
    let { low, high } = content.scenes[`${halo}/${selection.axis}`].images[n], levels;
    if (dropped || selection.noise[field]) {
      const stored = dropped ?? Float64Array.from(
        (await levelsOf(halo)).subarray(which * size, (which + 1) * size),
        (level) => (level ? low + level / 255 * (high - low) : -Infinity));
      ({ low, high, levels } = quantised(
        altered(stored, selection, field, Math.sqrt(stored.length)), field));
    } else {
      levels = (await levelsOf(halo)).slice(which * size, (which + 1) * size);
      low += brighter;
      high += brighter;
    }
    hidden(selection.masked, Math.sqrt(levels.length)).forEach((one, i) => { if (one) levels[i] = 0; });
    return { field, low, high, levels };
  }

  function quantised(values, field) {
    const high = values.reduce((a, b) => Math.max(a, b)), low = high - about.fields[field].range - 1;
    return { low, high, levels: Uint8Array.from(values, (value) =>
      Math.max(0, Math.round((value - low) / (high - low) * 255))) };
  }

  const changed = (selection) => Boolean(selection.trained_on || selection.dropped || selection.why
    || selection.masked.length || ["brightness", "noise", "swapped"].some((kind) =>
      Object.values(selection[kind]).some(Boolean))
    || (selection.limits === "own" && !about.computed.includes(selection.depth)));

  /** What a network infers: what travels with the page, or what the page computes. */
  async function inferred(selection, twins) {
    const { halo, axis, fields } = selection;
    if (!changed(selection)) {
      const which = selection.limits === "ideal" ? "ideal"
        : about.computed.indexOf(selection.limits === "own" ? selection.depth : 0);
      return content.moments[`${halo}/${axis}/${which}/${fields.join("+")}`];
    }
    if (!computing) throw new Error("This page doesn't compute.");
    const [maps, network] = await prepare(selection);
    const trained = about.labels[suiteOf(selection)] ?? suiteOf(selection);
    const words = `trained on ${trained}, `
      + `${inOrder(fields).map((name) => about.fields[name].title).join(" + ")}, survey limits`;
    if (!network) {
      return { network: `there is no network on this page ${words}`, mean: null, std: null, outside: [] };
    }
    const [known, layers] = network, mask = hidden(selection.masked, computing.size);
    const inputs = known.fields.map((field) => seenBy(maps, selection, field, twins, mask));
    const property = about.properties.findIndex((one) => one.name === selection.why);
    return { network: `network ${words}`,
      ...(property < 0 ? infer : explain)(known, layers, inputs, computing.size, property) };
  }

  async function ask(selection) {
    const { halo, axis, fields } = selection, { twins } = content.scenes[`${halo}/${axis}`];
    try {
      const images = await Promise.all(fields.map((field) => imageOf(selection, field, twins)));
      const others = selection.beside && !selection.dropped ? Object.values(twins) : [];
      return { halo, axis, images, twins, ...await inferred(selection, twins),
        others: await Promise.all(others.map((twin) =>
          ask({ ...selection, halo: twin, swapped: {}, why: "", beside: false }))) };
    } catch (error) {
      return { problem: error.message };
    }
  }

  about.computed = about.depths;
  buildExplorer(root, about, content.start,
    { ask, moves: computing && { prepare, weight: computing.bytes } });
}
