// Reads images out of a FITS file, and checks that they are maps as the networks know them.

const BLOCK = 2880;
const PIXELS = { 8: [1, "getUint8"], 16: [2, "getInt16"], 32: [4, "getInt32"],
  64: [8, "getBigInt64"], "-32": [4, "getFloat32"], "-64": [8, "getFloat64"] };

/** What a blob holds, inflated. A canvas would unpack a picture too, but browsers that guard
 * against fingerprints change the pixels which a page reads from it.
 * format: "deflate" (that of zlib) or "gzip". */
async function inflated(blob, format) {
  if (!window.DecompressionStream) throw new Error("The browser is too old to unpack it.");
  return new Response(blob.stream().pipeThrough(new DecompressionStream(format))).arrayBuffer();
}

/** The content of a file, unpacked if it is compressed by gzip. */
async function contentOf(file) {
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  if (first !== 0x1f || second !== 0x8b) return file.arrayBuffer();
  return inflated(file, "gzip").catch((error) => {
    throw new Error(`It is compressed, and can't be unpacked: ${error.message}`);
  });
}

/** The units of a text and their powers, such as "cm -2", in one form for all spellings. */
function unitOf(text) {
  const powers = new Map(), plain = text.trim().replace(/\*\*|\^/g, "").replace(/^1\s*(?=\/)/, "");
  if (/(^|[\s*(])\d/.test(plain)) return text; // a factor: another unit
  const [above, ...below] = plain.split("/");
  const add = (part, sign) => {
    for (const [, unit, power] of part.matchAll(/([a-zA-Z]+)\s*\(?([+-]?\d+)?\)?/g)) {
      powers.set(unit, (powers.get(unit) ?? 0) + sign * Number(power ?? 1));
    }
  };
  add(above, 1);
  below.forEach((part) => add(part, -1));
  return [...powers].filter(([, power]) => power).map((one) => one.join(" ")).sort().join(", ");
}

/** A number of a header, which may have Fortran's exponent: 1.0D-3. */
const real = (text) => Number(String(text).replace(/d/i, "e"));

/** The matrix from pixels to coordinates, row by row: CD, or PC (by default the identity) times
 * CDELT (by default 1). Indices are also written as in PC001001. */
function matrixOf(header) {
  const places = [[1, 1], [1, 2], [2, 1], [2, 2]];
  const cell = (name, i, j) => header[`${name}${i}_${j}`] ?? header[`${name}00${i}00${j}`];
  if (places.some(([i, j]) => cell("CD", i, j))) return places.map(([i, j]) => real(cell("CD", i, j) ?? 0));
  return places.map(([i, j]) =>
    real(cell("PC", i, j) ?? Number(i === j)) * real(header[`CDELT${i}`] ?? 1));
}

/** Headers and images of a file: [{header, values, columns, rows}], rows from the bottom. */
function readFits(buffer) {
  const bytes = new Uint8Array(buffer), view = new DataView(buffer), found = [];
  const text = (from, length) => String.fromCharCode(...bytes.subarray(from, from + length));
  if (buffer.byteLength < BLOCK || text(0, 6) !== "SIMPLE") throw new Error("This isn't a FITS file.");
  let place = 0;
  // What follows the last extension, such as the zeros that fill a tape, isn't read.
  while (place + BLOCK <= buffer.byteLength && (!place || text(place, 8) === "XTENSION")) {
    const header = {};
    for (let ended = false; !ended; place += BLOCK) {
      if (place + BLOCK > buffer.byteLength) throw new Error("The FITS file ends within a header.");
      for (let card = place; card < place + BLOCK; card += 80) {
        const line = text(card, 80), name = line.slice(0, 8).trim();
        if (name === "END") { ended = true; break; }
        const value = line.slice(8).match(/^= *(?:'((?:[^']|'')*)'|([^/ ]*))/);
        if (value) header[name] = value[1] !== undefined ? value[1].trim() : value[2];
      }
    }
    const axes = Array.from({ length: Number(header.NAXIS ?? 0) }, (_, i) =>
      Number(header[`NAXIS${i + 1}`]));
    const kind = PIXELS[header.BITPIX];
    if (!kind) throw new Error(`BITPIX is ${header.BITPIX}; expected one of ${Object.keys(PIXELS)}.`);
    const count = axes.length ? axes.reduce((a, b) => a * b, 1) : 0;
    const size = kind[0] * (Number(header.GCOUNT ?? 1)) * (count + Number(header.PCOUNT ?? 0));
    if (place + size > buffer.byteLength) throw new Error("The FITS file ends within its data.");
    if (header.ZIMAGE === "T") throw new Error("The image is compressed (ZIMAGE). Unpack it.");
    const isImage = header.SIMPLE || header.XTENSION === "IMAGE";
    const deep = axes.slice(2).every((length) => length === 1); // degenerate axes of radio images
    if (isImage && count && axes.length > 1 && deep) {
      const scale = real(header.BSCALE ?? 1), zero = real(header.BZERO ?? 0);
      const values = Float64Array.from({ length: count }, (_, i) => {
        const value = Number(view[kind[1]](place + i * kind[0]));
        return header.BITPIX > 0 && header.BLANK && value === Number(header.BLANK)
          ? NaN : value * scale + zero;
      });
      found.push({ header, values, columns: axes[0], rows: axes[1] });
    }
    place += Math.ceil(size / BLOCK) * BLOCK;
  }
  return found;
}

/** The maps of a file: field -> log10 of its pixels, a square, in the frame of the networks.
 * Throws what is wrong, in words: found, expected, remedy. */
function mapsOf(buffer, about, size) {
  const maps = {}, wide = 2 * about.halfWidth, seen = [];
  for (const { header, values, columns, rows } of readFits(buffer)) {
    const unit = header.BUNIT ?? "", known = Object.entries(about.fields);
    const [name, field] = known.find(([key]) => key === (header.EXTNAME ?? "").toLowerCase())
      ?? known.find(([, one]) => unitOf(one.plainUnit) === unitOf(unit)) ?? [];
    seen.push(`${header.EXTNAME ?? "image"} [${unit || "no unit"}]`);
    if (!name || name in maps) continue; // such as the errors that follow an image
    const here = `${field.title} in this file`;
    if (unitOf(unit) !== unitOf(field.plainUnit)) {
      throw new Error(`${here} has the unit ${unit || "(none)"}; expected ${field.plainUnit}. `
        + "Convert it first.");
    }
    const [across, skewed, leaning, up] = matrixOf(header);
    const turned = Math.hypot(skewed, leaning) > 1e-6 * Math.hypot(across, up)
      || ["CROTA1", "CROTA2"].some((key) => real(header[key] ?? 0));
    const frame = `${columns} × ${rows} pixels of ${across} × ${up} ${header.CUNIT1 || "(no unit)"}`
      + (turned ? ", turned" : "");
    const isKpc = [header.CUNIT1, header.CUNIT2].every((one) => (one ?? "").toLowerCase() === "kpc");
    const fits = isKpc && !turned && columns === rows
      && Math.abs(Math.abs(across) * columns / wide - 1) < 0.01
      && Math.abs(Math.abs(up) * rows / wide - 1) < 0.01;
    if (!fits || columns % size) {
      throw new Error(`${here} has ${frame}; expected a square of ${wide} kpc about the halo, with a `
        + `multiple of ${size} pixels a side. Regrid it first; on the sky, with the halo's distance.`);
    }
    const centre = [1, 2].map((axis) => real(header[`CRVAL${axis}`] ?? 0)
      + ((columns + 1) / 2 - real(header[`CRPIX${axis}`] ?? (columns + 1) / 2)) * [across, up][axis - 1]);
    if (centre.some((value) => Math.abs(value) > 0.02 * wide)) {
      throw new Error(`${here} is centred on ${centre.map((value) => value.toFixed(0))} kpc; `
        + "expected the halo at 0, 0. Cut it out about the halo.");
    }
    // Blank, negative and filled pixels aren't detected. Axes that fall are turned: x rises to the
    // right, and the other axis upwards.
    const fill = Math.max(0, real(header.FILL ?? 0));
    maps[name] = Float32Array.from(values, (_, i) => {
      const column = across < 0 ? columns - 1 - (i % columns) : i % columns;
      const row = up < 0 ? rows - 1 - Math.floor(i / columns) : Math.floor(i / columns);
      const value = values[row * columns + column];
      return value > fill && value < Infinity ? Math.log10(value) : -Infinity;
    });
    if (!maps[name].some(Number.isFinite)) throw new Error(`${here} has no detected pixel.`);
  }
  if (!Object.keys(maps).length) {
    const expected = Object.values(about.fields).map((one) => `${one.title} [${one.plainUnit}]`);
    throw new Error(`No known map. Found: ${seen.join(", ") || "no image"}. Expected: `
      + `${expected.join(" or ")}.`);
  }
  return maps;
}

/** A map averaged over blocks of pixels. */
function averaged(values, size) {
  const side = Math.sqrt(values.length), block = side / size, means = new Float64Array(size * size);
  values.forEach((value, i) => {
    means[Math.floor(i / side / block) * size + Math.floor((i % side) / block)] += value / block ** 2;
  });
  return means;
}

/** The same; log10 in, log10 out. */
const coarser = (values, size) =>
  averaged(Float64Array.from(values, (value) => 10 ** value), size).map(Math.log10);
