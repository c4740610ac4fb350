// Draws an explorer of halos into an element. It computes nothing and requests nothing: `ask`
// promises a scene for a selection, and whoever calls decides where scenes come from.

const SVG = "http://www.w3.org/2000/svg";
const AXES = { x: ["y", "z"], y: ["z", "x"], z: ["x", "y"] };
const CONTROLS = ["button", "canvas", "input", "select"];
const INK = "#333", FAINT = "#bbb", CHOSEN = "#111";

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  // Else JupyterLab takes the keys of a focused control for itself.
  if (CONTROLS.includes(tag)) element.dataset.lmSuppressShortcuts = "true";
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function draw(parent, tag, attributes, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  parent.append(element);
  return element;
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

const number = (value, digits = 2) =>
  (value === null ? "none" : value.toFixed(digits).replace("-", "−"));
const power = (exponent) => {
  const whole = Math.floor(exponent), mantissa = 10 ** (exponent - whole);
  return `${mantissa.toFixed(1)} × 10${superscript(whole)}`;
};
const superscript = (whole) =>
  String(whole).replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);

/** Build an explorer.
 * root: element to fill. about: what there is (see description.py). start: first selection.
 * ask(selection): promise of a scene. order(kind, halos): export, where there is a kernel. */
function buildExplorer(root, about, start, ask, order) {
  const halos = about.halos, count = halos.number.length, suites = Object.keys(about.suites);
  const place = new Map(halos.number.map((value, index) => [value, index]));
  const palettes = Object.fromEntries(
    Object.entries(about.palettes).map(([name, text]) => [name, bytesOf(text)]));
  const state = { ...start };
  const look = { palette: "own", held: {}, hold: false, circles: true, property: 1 };
  const filter = { suite: 0, realisation: "all", halo_class: "all" };
  let list = [], scene = null, busy = false, again = false, began = null, changes = 0;
  let planeImage = null;

  // --- controls ---------------------------------------------------------------------------

  const named = (text, control) => {
    control.setAttribute("aria-label", text); // else a menu's options count as its name
    return make("label", {}, make("span", {}, text), control);
  };
  const choice = (text, options, onchange) => {
    const select = make("select", { onchange: () => onchange(select.value) });
    for (const [value, label] of options) select.append(make("option", { value }, label));
    return [named(text, select), select];
  };
  const button = (text, onclick) => make("button", { type: "button", onclick }, text);

  const [suiteLabel, suiteMenu] = choice("Suite", suites.map((s, i) => [i, s]), (value) =>
    refilter({ suite: Number(value) }));
  const [realisationLabel, realisationMenu] = choice("Realisation", [], (value) =>
    refilter({ realisation: value === "all" ? value : Number(value) }));
  const [classLabel, classMenu] = choice(
    "Class", [["all", "all"], ...Object.entries(about.classes)], (value) =>
      refilter({ halo_class: value }));
  const [haloLabel, haloMenu] = choice("Halo", [], (value) => change({ halo: Number(value) }));
  const step = (by) => {
    const next = list[list.indexOf(place.get(state.halo)) + by];
    if (next !== undefined) change({ halo: halos.number[next] });
  };
  const [axisLabel, axisMenu] = choice(
    "Line of sight", Object.keys(AXES).map((a) => [a, a]), (value) => change({ axis: value }));
  const setName = (names) => names.map((name) => about.fields[name].title).join(" + ");
  const [fieldsLabel, fieldsMenu] = choice(
    "Fields", about.fieldSets.map((names, i) => [i, setName(names)]), (value) =>
      change({ fields: about.fieldSets[value] }));
  const [limitsLabel, limitsMenu] = choice(
    "Limits", [["ideal", "ideal"], ["survey", "survey"], ["own", "your own"]], (value) =>
      change({ limits: value }));
  const depth = make("input", {
    type: "range", min: 0, max: about.depths.length - 1, step: 1,
    oninput: () => change({ limits: "own", depth: about.depths[depth.value] }),
  });
  const depthLabel = named("Your limit", depth);
  const [trainedLabel, trainedMenu] = choice(
    "Network trained on", [["", "the halo's own suite"], ...about.networks.map((n) => [n, n])],
    (value) => change({ trained_on: value }));
  const [paletteLabel, paletteMenu] = choice(
    "Colours", [["own", "the field's"], ...Object.keys(palettes).map((n) => [n, n])], (value) => {
      look.palette = value;
      paint();
    });
  const hold = make("input", { type: "checkbox", onchange: () => { keepScale(); paint(); } });
  const circles = make("input", {
    type: "checkbox", checked: true,
    onchange: () => { look.circles = circles.checked; paint(); },
  });
  const [propertyLabel, propertyMenu] = choice(
    "Show", about.properties.map((p, i) => [i, p.label]), (value) => {
      look.property = Number(value);
      planeImage = null;
      paintPlane();
    });
  propertyMenu.value = look.property;

  const twins = make("div", { className: "choices twins" });
  const status = make("p", { className: "status", role: "status" });
  const maps = make("div", { className: "maps" });
  const plane = make("canvas", {
    tabIndex: 0, role: "slider", onclick: pick,
    onkeydown: (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (by) { event.preventDefault(); step(by); }
    },
  });
  plane.setAttribute("aria-label", "Halos by mass and property; arrow keys step through the list");
  const table = make("table");
  const message = make("p", { className: "status", role: "status" });

  root.classList.add("cgm-explorer");
  root.replaceChildren(
    make("style", {}, STYLE),
    make("div", { className: "choices" }, suiteLabel, realisationLabel, classLabel, haloLabel,
      button("◀ lighter", () => step(-1)), button("heavier ▶", () => step(1))),
    twins,
    make("div", { className: "choices" }, axisLabel, fieldsLabel, limitsLabel, depthLabel,
      about.networks.length > 1 ? trainedLabel : ""),
    make("div", { className: "choices" }, paletteLabel,
      make("label", { className: "tick" }, hold, make("span", {}, "hold the colour scale")),
      make("label", { className: "tick" }, circles, make("span", {}, "R200c (dashed) and "
        + `${about.aperture} kpc (dotted)`))),
    status, maps,
    make("div", { className: "below" },
      make("div", { className: "panel" }, make("div", { className: "choices" }, propertyLabel), plane),
      make("div", { className: "panel" }, table)),
    about.exports ? make("div", { className: "choices" },
      button("Map as FITS", () => order("fits")), button("Map as PNG", () => order("png")),
      button("Listed halos as CSV", () => order("csv", list.map((i) => halos.number[i]))),
    ) : "", message,
    make("p", { className: "source" }, about.source));

  // --- selection --------------------------------------------------------------------------

  function matches(index) {
    return halos.suite[index] === filter.suite
      && (filter.realisation === "all" || halos.realisation[index] === filter.realisation)
      && (filter.halo_class === "all" || halos.halo_class[index] === filter.halo_class);
  }

  function relist() {
    const own = halos.realisation.filter((_, index) => halos.suite[index] === filter.suite);
    const realisations = [...new Set(own)].sort((a, b) => a - b);
    if (!realisations.includes(filter.realisation)) filter.realisation = "all";
    realisationMenu.replaceChildren(...["all", ...realisations].map((value) =>
      make("option", { value }, String(value))));
    list = [...Array(count).keys()].filter(matches).sort((a, b) => halos.mass[a] - halos.mass[b]);
    haloMenu.replaceChildren(...list.map((index) => make("option",
      { value: halos.number[index] },
      `${about.setName} ${halos.realisation[index]}, group ${halos.group[index]}: `
      + `log M = ${number(halos.mass[index])}`)));
    suiteMenu.value = filter.suite;
    realisationMenu.value = filter.realisation;
    classMenu.value = filter.halo_class;
    planeImage = null;
  }

  function refilter(part) {
    const mass = halos.mass[place.get(state.halo)];
    Object.assign(filter, part);
    relist();
    if (!list.length) {
      haloMenu.replaceChildren(make("option", {}, "no such halo"));
      paintPlane();
      return;
    }
    const nearest = list.reduce((best, index) =>
      Math.abs(halos.mass[index] - mass) < Math.abs(halos.mass[best] - mass) ? index : best);
    change({ halo: halos.number[list.includes(place.get(state.halo))
      ? place.get(state.halo) : nearest] });
  }

  /** Widen the filters as far as a halo chosen otherwise needs. */
  function follow() {
    const index = place.get(state.halo);
    if (list.includes(index)) return;
    filter.suite = halos.suite[index];
    if (filter.realisation !== "all") filter.realisation = halos.realisation[index];
    if (filter.halo_class !== "all") filter.halo_class = halos.halo_class[index];
    relist();
  }

  /** Change the selection, and ask for its scene; while one is on its way, only the last counts. */
  function change(part) {
    Object.assign(state, part);
    began ??= performance.now();
    follow();
    if (busy) again = true;
    else request();
  }

  async function request() {
    busy = true;
    again = false;
    const found = await ask({ ...state });
    busy = false;
    if (again) { request(); return; }
    if (found.problem) status.textContent = found.problem;
    else { scene = found; paint(); }
    root.dataset.milliseconds = (performance.now() - began).toFixed(1);
    root.dataset.changes = ++changes;
    began = null;
  }

  // --- drawing ----------------------------------------------------------------------------

  function paint() {
    if (!scene) return;
    const index = place.get(scene.halo);
    haloMenu.value = scene.halo;
    axisMenu.value = scene.axis;
    limitsMenu.value = state.limits;
    fieldsMenu.value = about.fieldSets.findIndex((set) => set.join() === state.fields.join());
    depth.value = about.depths.reduce((best, value, i) =>
      Math.abs(value - state.depth) < Math.abs(about.depths[best] - state.depth) ? i : best, 0);
    const shift = state.limits === "own" ? state.depth : 0;
    depth.setAttribute("aria-valuetext", `${number(shift)} decades above the survey's limit`);
    const name = `${suites[halos.suite[index]]} ${about.setName} ${halos.realisation[index]}, `
      + `group ${halos.group[index]}`;
    status.textContent = `${name}: log M = ${number(halos.mass[index])}, R200c = `
      + `${number(halos.radius[index], 0)} kpc; ${describeLimits()}`;
    const others = Object.entries(scene.twins);
    twins.replaceChildren(others.length ? "Same halo in " : "", ...others.map(([suite, twin]) =>
      button(suite, () => change({ halo: twin }))));
    maps.replaceChildren(...scene.images.map((image) => paintMap(image, name, index)));
    paintTable(index);
    paintPlane();
  }

  function describeLimits() {
    if (state.limits === "ideal") return "ideal maps, no limit";
    const each = scene.images.map((image) =>
      `${about.fields[image.field].title} ${power(image.limit)} ${about.fields[image.field].unit}`);
    const whose = state.limits === "survey" ? "survey limits" : "your limits";
    return `${whose}: ${each.join(", ")}`;
  }

  /** Range of colours [log10]: held, or the map's own down to its limit. */
  function scaleOf(image) {
    if (look.hold && look.held[image.field]) return look.held[image.field];
    if (state.limits !== "ideal") return [image.limit, Math.max(image.high, image.limit + 1)];
    return [Math.max(image.high - about.fields[image.field].range, image.low), image.high];
  }

  function keepScale() {
    look.held = Object.fromEntries((scene ? scene.images : []).map((image) =>
      [image.field, scaleOf(image)]));
    look.hold = hold.checked;
  }

  function paintMap(image, name, index) {
    const field = about.fields[image.field], side = about.pixels, half = about.halfWidth;
    const [low, high] = scaleOf(image);
    const colours = palettes[look.palette === "own" ? field.palette : look.palette];
    const shades = new Uint8Array(256).map((_, level) => {
      const value = image.low + (level / 255) * (image.high - image.low);
      const shown = (Math.max(value, image.limit) - low) / (high - low);
      return Math.round(255 * Math.min(Math.max(shown, 0), 1));
    });
    const canvas = make("canvas", { width: side, height: side });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${field.title} map of ${name} along ${scene.axis}; `
      + `colours from ${power(low)} to ${power(high)} ${field.unit}`);
    const context = canvas.getContext("2d"), pixels = context.createImageData(side, side);
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const shade = 3 * shades[image.levels[(side - 1 - row) * side + column]];
        const to = 4 * (row * side + column);
        pixels.data[to] = colours[shade];
        pixels.data[to + 1] = colours[shade + 1];
        pixels.data[to + 2] = colours[shade + 2];
        pixels.data[to + 3] = 255;
      }
    }
    context.putImageData(pixels, 0, 0);
    const over = document.createElementNS(SVG, "svg");
    over.setAttribute("viewBox", `${-half} ${-half} ${2 * half} ${2 * half}`);
    over.setAttribute("aria-hidden", "true");
    if (look.circles) {
      const ring = { cx: 0, cy: 0, fill: "none", stroke: "#fff", "stroke-width": half / 150 };
      draw(over, "circle", { ...ring, r: halos.radius[index], "stroke-dasharray": half / 30 });
      draw(over, "circle", { ...ring, r: about.aperture,
        "stroke-dasharray": `${half / 150} ${half / 40}` });
    }
    const [across, up] = AXES[scene.axis];
    return make("figure", {},
      make("figcaption", {}, `${field.title} [${field.unit || "1"}]`),
      make("div", { className: "map" }, canvas, over),
      make("div", { className: "ends" }, make("span", {}, `${2 * half} kpc, ${across} → ${up} ↑`)),
      paintBar(colours, low, high), paintProfile(image, index, field));
  }

  function paintBar(colours, low, high) {
    const bar = make("canvas", { width: 256, height: 1, className: "bar" });
    bar.setAttribute("aria-hidden", "true");
    const context = bar.getContext("2d"), pixels = context.createImageData(256, 1);
    for (let step = 0; step < 256; step++) {
      pixels.data.set([...colours.slice(3 * step, 3 * step + 3), 255], 4 * step);
    }
    context.putImageData(pixels, 0, 0);
    const ends = [low, (low + high) / 2, high].map((value) => make("span", {}, power(value)));
    return make("div", {}, bar, make("div", { className: "ends" }, ...ends));
  }

  function paintProfile(image, index, field) {
    const wide = 320, high = 130, left = 34, bottom = 30, top = 8;
    const [low, highest] = scaleOf(image), edge = Math.max(...scene.radii);
    const ends = [Math.min(low, ...image.profile), Math.max(highest, ...image.profile)];
    const x = (radius) => left + (radius / edge) * (wide - left - 6);
    const y = (value) =>
      high - bottom - ((value - ends[0]) / (ends[1] - ends[0])) * (high - bottom - top);
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    svg.setAttribute("class", "plot");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `Radial profile of ${field.title}: `
      + `${power(image.profile[0])} at the centre, ${power(image.profile.at(-1))} at the edge`);
    draw(svg, "path", { d: `M${left} ${top}V${high - bottom}H${wide - 6}`, fill: "none",
      stroke: INK });
    const marks = [[halos.radius[index], "5 4"], [about.aperture, "1.5 3"]];
    for (const [radius, dashes] of look.circles ? marks : []) {
      if (radius < edge) {
        draw(svg, "path", { d: `M${x(radius)} ${top}V${high - bottom}`, stroke: INK,
          "stroke-dasharray": dashes });
      }
    }
    const points = image.profile.map((value, i) => `${x(scene.radii[i])},${y(value)}`);
    draw(svg, "polyline", { points: points.join(" "), fill: "none", stroke: "#4b2a7b",
      "stroke-width": 2 });
    for (let radius = 0; radius < edge; radius += 100) {
      draw(svg, "text", { x: x(radius), y: high - bottom + 12, "text-anchor": "middle" }, radius);
    }
    draw(svg, "text", { x: (left + wide) / 2, y: high - 3, "text-anchor": "middle" },
      "radius [kpc]; mean over annuli");
    const first = Math.ceil(ends[0]), every = Math.max(1, Math.ceil((ends[1] - ends[0]) / 4));
    for (let value = first; value <= ends[1]; value += every) {
      draw(svg, "text", { x: left - 3, y: y(value) + 4, "text-anchor": "end" },
        `10${superscript(value)}`);
    }
    return svg;
  }

  function paintTable(index) {
    const head = ["property", "true", "network", "off by", ""];
    const rows = about.properties.map((property, i) => {
      const truth = halos.properties[i][index];
      const known = scene.mean && truth !== null;
      const off = known ? (scene.mean[i] - truth) / scene.std[i] : null;
      return make("tr", {}, make("th", { scope: "row" }, property.label),
        make("td", {}, number(truth, 3)),
        make("td", { className: "inferred" },
          scene.mean ? `${number(scene.mean[i], 3)} ± ${number(scene.std[i], 3)}` : "–"),
        make("td", {}, off === null ? "–" : `${off > 0 ? "+" : "−"}${number(Math.abs(off), 1)} σ`),
        make("td", {}, paintRange(property, truth, i)));
    });
    table.replaceChildren(
      make("caption", {}, `The six properties: true, and by the ${scene.network}.`),
      make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, ...rows));
  }

  function paintRange(property, truth, i) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 100 16");
    svg.setAttribute("class", "range");
    svg.setAttribute("aria-hidden", "true");
    const x = (value) => {
      const share = (value - property.low) / (property.high - property.low);
      return 4 + 92 * Math.min(Math.max(share, 0), 1);
    };
    draw(svg, "path", { d: "M2 8H98", stroke: FAINT });
    if (scene.mean) {
      const [from, to] = [-1, 1].map((sign) => x(scene.mean[i] + sign * scene.std[i]));
      draw(svg, "path", { d: `M${from} 8H${to}`, stroke: "#c0436b", "stroke-width": 4 });
      draw(svg, "circle", { cx: x(scene.mean[i]), cy: 8, r: 3.5, fill: "#c0436b" });
    }
    if (truth !== null) {
      draw(svg, "path", { d: `M${x(truth)} 1V15`, stroke: INK, "stroke-width": 2 });
    }
    return svg;
  }

  // --- the plane of mass and property -----------------------------------------------------

  const WIDE = 420, HIGH = 300, MARGIN = { left: 44, right: 10, top: 24, bottom: 34 };

  function planePlaces() {
    const values = halos.properties[look.property];
    const finite = values.filter((value) => value !== null);
    const range = (numbers) => {
      const low = numbers.reduce((a, b) => Math.min(a, b)), high = numbers.reduce((a, b) =>
        Math.max(a, b));
      const room = 0.05 * (high - low) || 0.5;
      return [low - room, high + room];
    };
    const [x0, x1] = range(halos.mass), [y0, y1] = range(finite.length ? finite : [0, 1]);
    return {
      values, x0, x1, y0, y1,
      x: (mass) => MARGIN.left + ((mass - x0) / (x1 - x0)) * (WIDE - MARGIN.left - MARGIN.right),
      y: (value) => HIGH - MARGIN.bottom
        - ((value - y0) / (y1 - y0)) * (HIGH - MARGIN.bottom - MARGIN.top),
    };
  }

  /** All halos, drawn once and kept: thousands of points are too many for every change. */
  function paintHalos(to) {
    const kept = make("canvas", { width: 2 * WIDE, height: 2 * HIGH });
    const pen = kept.getContext("2d");
    pen.scale(2, 2);
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, WIDE, HIGH);
    const colours = Object.values(about.suites), size = count > 500 ? 1.3 : 2.5;
    const listed = new Set(list);
    for (const strong of [false, true]) {
      pen.globalAlpha = strong ? 1 : 0.3;
      for (let index = 0; index < count; index++) {
        if (to.values[index] === null || listed.has(index) !== strong) continue;
        pen.fillStyle = colours[halos.suite[index]];
        pen.beginPath();
        pen.arc(to.x(halos.mass[index]), to.y(to.values[index]), size, 0, 7);
        pen.fill();
      }
    }
    pen.globalAlpha = 1;
    pen.strokeStyle = pen.fillStyle = INK;
    pen.strokeRect(MARGIN.left, MARGIN.top, WIDE - MARGIN.left - MARGIN.right,
      HIGH - MARGIN.top - MARGIN.bottom);
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "center";
    for (let mass = Math.ceil(2 * to.x0) / 2; mass < to.x1; mass += 0.5) {
      pen.fillText(mass.toFixed(1), to.x(mass), HIGH - MARGIN.bottom + 14);
    }
    pen.fillText("log M200c [M☉]", (WIDE + MARGIN.left) / 2, HIGH - 4);
    pen.textAlign = "right";
    for (let k = 0; k <= 4; k++) {
      const value = to.y0 + ((k + 0.5) / 5) * (to.y1 - to.y0);
      pen.fillText(value.toFixed(2), MARGIN.left - 4, to.y(value) + 4);
    }
    let across = MARGIN.left;
    pen.textAlign = "left";
    suites.forEach((name, i) => {
      pen.fillStyle = colours[i];
      pen.fillText("●", across, MARGIN.top - 9);
      pen.fillStyle = INK;
      pen.fillText(name, across + 14, MARGIN.top - 9);
      across += pen.measureText(`● ${name}   `).width;
    });
    return kept;
  }

  function paintPlane() {
    const to = planePlaces(), index = place.get(state.halo);
    planeImage ??= paintHalos(to);
    plane.width = 2 * WIDE;
    plane.height = 2 * HIGH;
    const pen = plane.getContext("2d");
    pen.drawImage(planeImage, 0, 0);
    pen.scale(2, 2);
    if (to.values[index] !== null) {
      pen.strokeStyle = CHOSEN;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(to.x(halos.mass[index]), to.y(to.values[index]), 7, 0, 7);
      pen.stroke();
    }
    plane.setAttribute("aria-valuemin", 1);
    plane.setAttribute("aria-valuemax", list.length);
    plane.setAttribute("aria-valuenow", list.indexOf(index) + 1);
    plane.setAttribute("aria-valuetext", `halo ${list.indexOf(index) + 1} of ${list.length}, `
      + `log M = ${number(halos.mass[index])}`);
  }

  function pick(event) {
    const frame = plane.getBoundingClientRect(), to = planePlaces();
    const x = ((event.clientX - frame.left) / frame.width) * WIDE;
    const y = ((event.clientY - frame.top) / frame.height) * HIGH;
    let best = null, least = Infinity;
    for (let index = 0; index < count; index++) {
      if (to.values[index] === null) continue;
      const off = (to.x(halos.mass[index]) - x) ** 2 + (to.y(to.values[index]) - y) ** 2;
      if (off < least) [best, least] = [index, off];
    }
    if (best !== null) change({ halo: halos.number[best] });
  }

  filter.suite = halos.suite[place.get(state.halo)];
  relist();
  change({});
  return { say: (text) => { message.textContent = text; } };
}
