// Reads images out of a FITS file, and checks that they are maps as the networks know them.

const BLOCK = 2880;
const PIXELS = { 8: [1, "getUint8"], 16: [2, "getInt16"], 32: [4, "getInt32"],
  "-32": [4, "getFloat32"], "-64": [8, "getFloat64"] };

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

/** Headers and images of a file: [{header, values, columns, rows}], rows from the bottom. */
function readFits(buffer) {
  const bytes = new Uint8Array(buffer), view = new DataView(buffer), found = [];
  const text = (from, length) => String.fromCharCode(...bytes.subarray(from, from + length));
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) throw new Error("The file is compressed. Unpack it.");
  if (buffer.byteLength < BLOCK || text(0, 6) !== "SIMPLE") throw new Error("This isn't a FITS file.");
  let place = 0;
  while (place + BLOCK <= buffer.byteLength) {
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
        const value = view[kind[1]](place + i * kind[0]);
        return kind[0] < 8 && header.BLANK && value === Number(header.BLANK)
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
    if (!name) continue;
    const here = `${field.title} in this file`;
    if (unitOf(unit) !== unitOf(field.plainUnit)) {
      throw new Error(`${here} has the unit ${unit || "(none)"}; expected ${field.plainUnit}. `
        + "Convert it first.");
    }
    const [across, up] = [1, 2].map((axis) => real(header[`CDELT${axis}`]
      ?? header[`CD${axis}_${axis}`]));
    const turned = ["CD1_2", "CD2_1", "PC1_2", "PC2_1", "CROTA2"].some((key) => real(header[key] ?? 0));
    const frame = `${columns} × ${rows} pixels of ${across} × ${up} ${header.CUNIT1 ?? "(no unit)"}`
      + (turned ? ", turned" : "");
    const isKpc = [header.CUNIT1, header.CUNIT2].every((one) => (one ?? "").toLowerCase() === "kpc");
    const fits = isKpc && !turned && columns === rows
      && Math.abs(Math.abs(across) * columns / wide - 1) < 0.01
      && Math.abs(up * rows / wide - 1) < 0.01;
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
    // Blank, negative and filled pixels aren't detected. East on the left is turned to x on the right.
    const fill = Math.max(0, real(header.FILL ?? 0));
    maps[name] = Float32Array.from(values, (_, i) => {
      const column = across < 0 ? columns - 1 - (i % columns) : i % columns;
      const value = values[i - (i % columns) + column];
      return value > fill ? Math.log10(value) : -Infinity;
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
