// Runs a moment network in the page, with TensorFlow.js, from what computing.py wrote.

const ROUNDING = 0.01; // as scene.py's [dex]
const QUANTILES = { median: 0.5, bright: 0.99 };

function loadScript(address) {
  return new Promise((resolve, reject) => {
    const script = make("script", { src: address, charset: "utf-8", onload: () => { script.remove(); resolve(); },
      onerror: () => reject(new Error(`${address} isn't there. In the built book it is, best over `
        + "http: `make serve` shows it on this machine")) });
    document.head.append(script);
  });
}

/** Say why the browser won't run the library, or throw nothing. */
function checkBrowser() {
  if (!window.WebAssembly) throw new Error("the browser has no WebAssembly, or has it switched off");
  try {
    new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)); // the empty program
  } catch {
    throw new Error("this address, or the page that frames this one, forbids WebAssembly (its "
      + "Content-Security-Policy lacks 'wasm-unsafe-eval')");
  }
}

/** Make the library ready. It is brought as scripts, since plain files may load nothing else. */
async function loadLibrary(folder) {
  checkBrowser();
  for (const name of ["tf-core.min.js", "tf-backend-wasm.min.js", "tfjs-backend-wasm-simd.wasm.js"]) {
    await loadScript(`${folder}/${name}`);
  }
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  // It wants the place of all three, and takes one.
  tf.wasm.setWasmPaths(Object.fromEntries(["", "-simd", "-threaded-simd"].map((kind) =>
    [`tfjs-backend-wasm${kind}.wasm`, kind === "-simd" ? window.cgmWasm : "data:,"])));
  if (!(await tf.setBackend("wasm"))) throw new Error("the browser has no WebAssembly with SIMD");
  await tf.ready();
}

/** Numbers of so many bits, at least 7, from text of seven bits a character (see computing.py). */
function unpacked(text, bits) {
  const values = new Uint16Array(Math.floor(7 * text.length / bits));
  for (let i = 0, place = 0, held = 0, count = 0; i < text.length; i++) {
    held = (held << 7 | text.charCodeAt(i) & 127) & 0x7fffff;
    count += 7;
    if (count >= bits) {
      count -= bits;
      values[place++] = (held >> count) & (2 ** bits - 1);
    }
  }
  return values;
}

/** Tensors of a network's layers. */
function readLayers(network, texts) {
  return network.layers.map(({ scale, shape, bias, bits, ...rest }, n) => {
    const levels = unpacked(texts[n], bits), zero = 2 ** (bits - 1);
    const kernel = new Float32Array(shape.reduce((product, length) => product * length));
    for (let i = 0; i < kernel.length; i++) {
      kernel[i] = (levels[i] - zero) * scale[i % scale.length];
    }
    return { ...rest, bias: tf.tensor1d(bias), kernel: tf.tensor(kernel, shape) };
  });
}

/** Standardised inputs of a network.
 * maps: for each field of the network, log10 of its pixels, row by row, undetected ones filled. */
function inputsOf(network, maps) {
  const count = maps.length, inputs = new Float32Array(count * maps[0].length);
  maps.forEach((map, field) => map.forEach((value, i) => {
    inputs[i * count + field] =
      (Math.max(value, network.floors[field]) - network.mean[field]) / network.std[field];
  }));
  return inputs;
}

/** Outputs of all layers, the inputs first. */
function pass(network, layers, inputs) {
  return layers.reduce((outputs, layer, i) => {
    const rest = { bias: layer.bias, leakyreluAlpha: network.slope,
      activation: i < layers.length - 1 ? "leakyrelu" : undefined };
    const now = outputs.at(-1);
    return [...outputs, layer.stride
      ? tf.fused.conv2d({ x: now, filter: layer.kernel, strides: layer.stride,
        pad: layer.padding ? "same" : "valid", ...rest })
      : tf.fused.matMul({ a: tf.reshape(now, [now.shape[0], -1]), b: layer.kernel, ...rest })];
  }, [inputs]);
}

/** Infer the moments of a map; `maps` as for `inputsOf`. */
function infer(network, layers, maps, size) {
  return momentsOf(network, maps, tf.tidy(() =>
    pass(network, layers, tensorOf(network, maps, size)).at(-1).dataSync()));
}

const tensorOf = (network, maps, size) =>
  tf.tensor(inputsOf(network, maps), [1, size, size, maps.length]);

/** Moments, and what of the maps is outside of the training, from the last outputs. */
function momentsOf(network, maps, found) {
  const number = found.length / 2;
  const mean = network.order.map((from, to) => network.low[to] + found[from] * network.width[to]);
  const above = network.edges.filter((edge) => mean[0] >= edge).length; // the class it infers
  const std = network.order.map((from, to) => {
    const value = found[number + from], root = Math.hypot(value, network.knee);
    const positive = value < 0 ? network.knee ** 2 / (root - value) / 2 : (value + root) / 2;
    return network.scales[above][to]
      * Math.hypot(positive * network.width[to], network.widthFloor[to]);
  });
  return { mean, std, outside: outside(network, maps) };
}

/** Infer, and distribute the mean of a property over the pixels: contributions in its unit (`why`:
 * field -> values), and the mean of a blank map. DeepLIFT's rescale rule, as attribution.py's. */
function explain(network, layers, maps, size, property) {
  const from = network.order[property], width = network.width[property];
  network.blank ??= tf.tidy(() => pass(network, layers,
    tensorOf(network, maps.map((map, n) => map.map(() => network.floors[n])), size)).map(tf.keep));
  const [found, empty, moved] = tf.tidy(() => {
    const outputs = pass(network, layers, tensorOf(network, maps, size)), last = outputs.length - 1;
    const start = tf.tensor([outputs[last].dataSync().map((_, i) => (i === from ? width : 0))]);
    const slopes = layers.reduceRight((now, layer, i) => backwards(layer, i === last - 1 ? now
      : tf.mul(now, secant(outputs[i + 1], network.blank[i + 1], network.slope))), start);
    const moved = tf.mul(slopes, tf.sub(outputs[0], network.blank[0]));
    return [outputs[last], network.blank[last], tf.transpose(moved, [0, 3, 1, 2])]
      .map((one) => one.dataSync());
  });
  return { ...momentsOf(network, maps, found), why: Object.fromEntries(network.fields.map((field, n) =>
    [field, moved.slice(n * size ** 2, (n + 1) * size ** 2)])),
  blank: network.low[property] + empty[from] * width };
}

/** Slope of an activation between two values, from what comes out of it. The positive parts and the
 * negative ones differ in the same direction, so that nothing cancels. */
function secant(first, last, slope) {
  const [one, other] = [first, last].map((values) => tf.relu(values));
  const up = tf.sub(one, other), down = tf.sub(tf.sub(first, one), tf.sub(last, other));
  return tf.divNoNan(tf.add(up, down), tf.add(up, tf.div(down, slope)));
}

/** Slopes with respect to a layer's inputs, from those with respect to its outputs: a layer of the
 * forward kind, which runs as fast, while the library's transposed convolutions take ten times as
 * long. Layers without padding divide their input into blocks. */
function backwards(layer, now) {
  const { kernel, padding } = layer, [side, , width, wider] = kernel.shape;
  const kept = (make) => layer.back ??= tf.keep(make());
  if (!layer.stride) return tf.matMul(now, kept(() => tf.transpose(kernel)));
  now = tf.reshape(now, [1, ...(now.rank === 4 ? now.shape.slice(1, 3) : [1, 1]), wider]);
  return padding
    ? tf.conv2d(now, kept(() => tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])), 1, "same")
    : tf.depthToSpace(tf.conv2d(now, kept(() => tf.reshape(tf.transpose(kernel, [3, 0, 1, 2]),
      [1, 1, wider, side ** 2 * width])), 1, "valid"), side);
}

/** What no map of the training reached: [field, statistic, way]; as scene.py's. */
function outside(network, maps) {
  const found = [];
  maps.forEach((map, i) => {
    const values = map.map((value) => Math.max(value, network.floors[i])).sort();
    const quantile = (share) => {
      const at = share * (values.length - 1), below = Math.floor(at);
      const [low, high] = [values[below], values[Math.min(below + 1, values.length - 1)]];
      return Math.log10(10 ** low + (at - below) * (10 ** high - 10 ** low));
    };
    const statistics = {
      total: Math.log10(values.reduce((sum, value) => sum + 10 ** value, 0) / values.length),
      ...Object.fromEntries(Object.entries(QUANTILES).map(([name, q]) => [name, quantile(q)])),
    };
    for (const [name, value] of Object.entries(statistics)) {
      const [least, most] = network.seen[`${network.fields[i]} ${name}`] ?? [-Infinity, Infinity];
      if (value > most + ROUNDING) found.push([network.fields[i], name, "higher"]);
      if (value < least - ROUNDING) found.push([network.fields[i], name, "lower"]);
    }
  });
  return found;
}

/** Noise of unit variance; as scene.py's. */
function gaussianNoise(side, number) {
  const hash = (seed) => {
    seed = Math.imul(seed ^ (seed >>> 16), 0x7feb352d);
    seed = Math.imul(seed ^ (seed >>> 15), 0x846ca68b);
    return ((seed ^ (seed >>> 16)) >>> 0) / 2 ** 32 + 2 ** -33;
  };
  return Float64Array.from({ length: side * side }, (_, i) => {
    const seed = 2 * i + ((number + 1) << 20);
    return Math.sqrt(-2 * Math.log(hash(seed))) * Math.cos(2 * Math.PI * hash(seed + 1));
  });
}
