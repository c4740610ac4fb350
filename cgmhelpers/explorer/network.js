// Runs a moment network in the page, with TensorFlow.js, from what computing.py wrote.

const ROUNDING = 0.01; // as scene.py's [dex]
const QUANTILES = { median: 0.5, bright: 0.99 };

function loadScript(address) {
  return new Promise((resolve, reject) => {
    const script = make("script", { src: address, onload: () => { script.remove(); resolve(); },
      onerror: () => reject(new Error(`${address} isn't there`)) });
    document.head.append(script);
  });
}

/** Make the library ready. It is brought as scripts, since plain files may load nothing else. */
async function loadLibrary(folder) {
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

/** Tensors of a network's layers. */
function readLayers(network) {
  return network.layers.map(({ kernel, scale, shape, bias, ...rest }) => {
    const levels = new Int16Array(bytesOf(kernel).buffer);
    return { ...rest, bias: tf.tensor1d(bias), kernel: tf.tensor(
      Float32Array.from(levels, (level) => level * scale), shape) };
  });
}

/** Infer the moments of a map.
 * maps: for each field of the network, log10 of its pixels, row by row, undetected ones filled. */
function infer(network, layers, maps, size) {
  const count = maps.length, inputs = new Float32Array(count * size * size);
  maps.forEach((map, field) => map.forEach((value, i) => {
    inputs[i * count + field] =
      (Math.max(value, network.floors[field]) - network.mean[field]) / network.std[field];
  }));
  const outputs = tf.tidy(() => {
    let now = tf.tensor(inputs, [1, size, size, count]);
    layers.forEach((layer, i) => {
      const rest = { bias: layer.bias, leakyreluAlpha: network.slope,
        activation: i < layers.length - 1 ? "leakyrelu" : undefined };
      now = layer.stride
        ? tf.fused.conv2d({ x: now, filter: layer.kernel, strides: layer.stride,
          pad: layer.padding ? "same" : "valid", ...rest })
        : tf.fused.matMul({ a: tf.reshape(now, [1, -1]), b: layer.kernel, ...rest });
    });
    return now;
  });
  const found = outputs.dataSync();
  outputs.dispose();
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
