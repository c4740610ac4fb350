// Draws an explorer of halos into an element. It infers nothing and requests nothing: `ask`
// promises a scene for a selection, and whoever calls decides where scenes come from.

const SVG = "http://www.w3.org/2000/svg";
const AXES = { x: ["y", "z"], y: ["z", "x"], z: ["x", "y"] };
const CONTROLS = ["button", "canvas", "input", "select"];
const INK = "#333", WARNING = "#b3261e"; // of pictures, which are light in both themes
const RAISES = [255, 140, 40], LOWERS = [70, 150, 255]; // pixels that move the inferred mean
const NOISIEST = 2; // noise of a pixel [the survey's limit]
const ANNULUS = 2; // width of the annuli of a radial profile [pixels]
const FEW = 40; // halos that need no filters
const STATISTICS = { total: "mean", median: "median", bright: "99th percentile" };

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

/** A colour between two, as numbers from 0 to 255. */
const mixed = (from, to, share) => from.map((value, i) => value + share * (to[i] - value));

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

/** log10 of the mean of a map over annuli about its centre, out to the frame.
 * values: log10 of the pixels, row by row, a square. */
function radialProfile(values) {
  const side = Math.sqrt(values.length), annuli = Math.floor(side / 2 / ANNULUS);
  const sums = new Float64Array(annuli), counts = new Uint32Array(annuli);
  for (let i = 0; i < values.length; i++) {
    const x = (i % side) + 0.5 - side / 2, y = Math.floor(i / side) + 0.5 - side / 2;
    const annulus = Math.floor(Math.hypot(x, y) / ANNULUS);
    if (annulus < annuli) { sums[annulus] += 10 ** values[i]; counts[annulus]++; }
  }
  return Array.from(sums, (sum, i) => Math.log10(sum / counts[i]));
}

/** Build an explorer.
 * root: element to fill. about: what there is (see description.py). start: first selection.
 * ask(selection): promise of a scene. order(kind, halos): export, where there is a kernel.
 * moves: whether maps can be changed, with prepare(selection) and weight [bytes] where the page
 * itself computes. */
function buildExplorer(root, about, start, { ask, order, moves }) {
  const halos = about.halos, count = halos.number.length, suites = Object.keys(about.suites);
  const labelOf = (suite) => about.labels[suite] ?? suite; // a mock suite says so
  const place = new Map(halos.number.map((value, index) => [value, index]));
  const palettes = Object.fromEntries(
    Object.entries(about.palettes).map(([name, text]) => [name, bytesOf(text)]));
  const state = { ...start };
  const look = { palette: "own", held: {}, hold: false, circles: true, property: 1 };
  const filter = { suite: 0, realisation: "all", halo_class: "all" };
  let list = [], scene = null, busy = false, again = false, began = null, changes = 0;
  let planeImage = null, figures = new Map();

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
  const tick = (text, checked, onchange) => {
    const box = make("input", { type: "checkbox", checked, onchange: () => onchange(box.checked) });
    return make("label", { className: "tick" }, box, make("span", {}, text));
  };

  const [suiteLabel, suiteMenu] = choice("Suite", suites.map((s, i) => [i, labelOf(s)]), (value) =>
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
  const lighter = button("◀ lighter", () => step(-1)), heavier = button("heavier ▶", () => step(1));
  const [axisLabel, axisMenu] = choice(
    "Line of sight", Object.keys(AXES).map((a) => [a, a]), (value) => change({ axis: value }));
  const setName = (names) => names.map((name) => about.fields[name].title).join(" + ");
  const [fieldsLabel, fieldsMenu] = choice(
    "Fields", about.fieldSets.map((names, i) => [i, setName(names)]), (value) =>
      change({ fields: about.fieldSets[value] }));
  const [limitsLabel, limitsMenu] = choice(
    "Limits", [["ideal", "ideal"], ["survey", "survey"], ["own", "your own"]], (value) =>
      change({ limits: value }));
  let depths = about.depths; // that the slider stops at
  const depth = make("input", {
    type: "range", min: 0, max: depths.length - 1, step: 1,
    oninput: () => change({ limits: "own", depth: depths[depth.value] }),
  });
  const depthValue = make("output", { className: "value" });
  const depthLabel = make("div", { className: "slider" }, limitsLabel,
    named("Your limit", depth), depthValue);
  const [trainedLabel, trainedMenu] = choice(
    "Network trained on", [["", "the halo's own suite"], ...about.networks.map((n) => [n, labelOf(n)])],
    (value) => change({ trained_on: value }));
  const [paletteLabel, paletteMenu] = choice(
    "Colours", [["own", "the field's"], ...Object.keys(palettes).map((n) => [n, n])], (value) => {
      look.palette = value;
      paint();
    });
  const hold = tick("hold the colour scale", false, (checked) => { keepScale(checked); paint(); });
  const circles = tick(`R200c (dashed) and ${about.aperture} kpc (dotted)`, true, (checked) => {
    look.circles = checked;
    paint();
  });
  const [propertyLabel, propertyMenu] = choice(
    "Show", about.properties.map((p, i) => [i, p.label]), (value) => {
      look.property = Number(value);
      planeImage = null;
      paintPlane();
    });
  propertyMenu.value = look.property;

  // --- changes of the maps ----------------------------------------------------------------

  const NOTHING = { brightness: {}, noise: {}, swapped: {}, masked: [], dropped: null };
  let brushing = false, radius = 20; // of the brush [kpc]

  /** Change the maps. Networks for changed maps are those trained at the survey's limits. */
  const alter = (part) =>
    change({ ...part, ...(state.limits === "ideal" ? { limits: "survey" } : {}) });
  const isChanged = () => Boolean(state.masked.length || state.dropped
    || ["brightness", "noise", "swapped"].some((kind) => Object.values(state[kind]).some(Boolean)));
  const perField = Object.entries(about.fields).map(([name, field]) => {
    const slide = (kind, range, say, speak) => {
      const slider = make("input", { type: "range", step: 0.05, ...range, oninput: () =>
        alter({ [kind]: { ...state[kind], [name]: Number(slider.value) } }) });
      const value = make("output", { className: "value" });
      const paint = () => {
        slider.value = state[kind][name] ?? 0;
        value.textContent = say(Number(slider.value));
        slider.setAttribute("aria-valuetext", speak(Number(slider.value)));
      };
      const element = make("div", { className: "slider" },
        named(`${field.title} ${kind}`, slider), value);
      return { element, paint };
    };
    const sliders = [
      slide("brightness", { min: -1, max: 1 }, (v) => `× ${factor(v)}`, (v) => `times ${factor(v)}`),
      slide("noise", { min: 0, max: NOISIEST }, (v) => (v ? `${number(v)} × limit` : "none"),
        (v) => `each pixel's standard deviation is ${number(v)} survey limits`),
    ];
    const [swapLabel, swapMenu] = choice(`${field.title} map of`, [], (suite) =>
      alter({ swapped: { ...state.swapped, [name]: suite } }));
    const element = make("div", { className: "changes" }, ...sliders.map((one) => one.element),
      swapLabel);
    const paint = (others) => {
      for (const one of sliders) one.paint();
      swapMenu.replaceChildren(make("option", { value: "" }, "this halo"),
        ...others.map((suite) => make("option", { value: suite }, `its twin in ${labelOf(suite)}`)));
      swapMenu.value = state.swapped[name] ?? "";
      swapMenu.disabled = !others.length;
    };
    return { element, paint };
  });
  const brush = tick("rub out with the pointer (or Enter on a map)", false, (checked) => {
    brushing = checked;
    root.classList.toggle("brushing", checked);
  });
  const [radiusLabel, radiusMenu] = choice("Brush", [10, 20, 40, 80].map((r) => [r, `${r} kpc`]),
    (value) => { radius = Number(value); });
  radiusMenu.value = radius;
  const undo = button("Undo a stroke", () => {
    strokes.pop();
    alter({ masked: strokes.flat() });
  });
  const restore = button("As stored", () => {
    strokes = [];
    change({ ...NOTHING, trained_on: "", why: "" });
  });
  let strokes = [];
  /** Rub out a circle, [x, y, radius] in kpc; near ones of one stroke say the same. */
  function rub(x, y, starts) {
    if (starts || !strokes.length) strokes.push([]);
    const last = strokes.at(-1).at(-1);
    if (last && Math.hypot(last[0] - x, last[1] - y) < radius / 2) return;
    strokes.at(-1).push([Math.round(x), Math.round(y), radius]);
    alter({ masked: strokes.flat() });
  }

  async function open(file) {
    if (!file) return;
    try {
      const dropped = mapsOf(await contentOf(file), about, about.size), names = Object.keys(dropped);
      const fields = about.fieldSets.find((set) => [...set].sort().join() === names.sort().join());
      strokes = [];
      alter({ ...NOTHING, dropped, fields });
      message.textContent = `${file.name}: ${setName(fields)}`;
    } catch (error) {
      message.textContent = `${file.name} isn't shown. ${error.message}`;
    }
  }
  const chooser = make("input", { type: "file", accept: ".fits,.fit,.fts,.gz", onchange: () => {
    open(chooser.files[0]);
    chooser.value = "";
  } });
  const dropLabel = named("Your own map (FITS): drop it here, or", chooser);
  const [whyLabel, whyMenu] = choice("Why this", [["", "(nothing is explained)"],
    ...about.properties.map(({ name, label }) => [name, `${label}?`])], (why) => alter({ why }));
  const why = make("p", { className: "why", role: "status" });
  const weight = moves?.weight ? ` (loads up to ${(moves.weight / 1e6).toFixed(1)} MB)` : "";
  const tools = make("details", { className: "panel tools", ontoggle: loadTools },
    make("summary", {}, `Change the maps, and let the network look again${weight}`),
    make("div", { className: "below" }, ...perField.map((one) => one.element)),
    make("div", { className: "choices" }, brush, radiusLabel, undo),
    make("div", { className: "choices" }, whyLabel, about.networks.length > 1 ? trainedLabel : ""),
    make("div", { className: "choices" }, dropLabel, restore));
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    if (moves) { tools.open = true; open(event.dataTransfer.files[0]); }
  });

  /** Load what computes; from then on the limit moves as finely as one likes. */
  async function loadTools() {
    if (!tools.open || !moves.prepare || tools.dataset.ready) return;
    const began = performance.now();
    message.textContent = "Loading the network …";
    try {
      await moves.prepare({ ...state });
      depths = Array.from({ length: 201 }, (_, i) => Number((i / 50 - 2).toFixed(2)));
      message.textContent = "";
      tools.dataset.ready = (performance.now() - began).toFixed(1);
      paint();
    } catch (error) {
      message.textContent = error.message;
    }
  }

  const twins = make("span", { className: "twins" });
  const beside = tick("side by side", false, (checked) => change({ beside: checked }));
  const status = make("p", { className: "status", role: "status" });
  const warning = make("p", { className: "warning", role: "status" });
  const maps = make("div", { className: "maps" });
  const others = make("div", { className: "others" });
  const profiles = make("div", { className: "panel profiles" });
  const plane = make("canvas", {
    tabIndex: 0, role: "slider", onclick: pick,
    onkeydown: (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (by) { event.preventDefault(); step(by); }
    },
  });
  plane.setAttribute("aria-label", "Halos by mass and property; arrow keys step through the list");
  const table = make("table");
  // On a telephone the table scrolls away from the controls that change it; this stays.
  const answers = make("div", { className: "answers" });
  answers.setAttribute("aria-hidden", "true");
  const message = make("p", { className: "status", role: "status" });
  const link = make("a", { className: "link" }, "Link to this view");

  root.classList.add("cgm-explorer");
  root.replaceChildren(
    make("style", {}, STYLE),
    make("div", { className: "choices" }, suites.length > 1 ? suiteLabel : "",
      ...(count > FEW ? [realisationLabel, classLabel] : []), haloLabel, lighter, heavier,
      make("span", { className: "twins" }, twins, suites.length > 1 ? beside : "")),
    make("div", { className: "choices" }, axisLabel,
      about.fieldSets.length > 1 ? fieldsLabel : ""),
    status,
    make("div", { className: "stage" }, make("div", { className: "seen" }, maps, why), answers,
      make("div", { className: "panel side" }, depthLabel, warning,
        make("div", { className: "wide" }, table)),
      moves ? tools : ""),
    message,
    others,
    make("div", { className: "below" }, profiles,
      make("div", { className: "panel" }, propertyLabel, plane)),
    make("div", { className: "choices" }, paletteLabel, hold, circles),
    make("div", { className: "choices" },
      ...(about.links ? [link, button("Picture (PNG)", savePicture)] : []),
      ...(about.exports ? [
        button("Map as FITS", () => order("fits")), button("Map as PNG", () => order("png")),
        button("Listed halos as CSV", () => order("csv", list.map((i) => halos.number[i]))),
      ] : [])),
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
      `log M = ${number(halos.mass[index])}: ${about.setName} ${halos.realisation[index]}, `
      + `group ${halos.group[index]}`)));
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
    if ("halo" in part && part.halo !== state.halo) {
      strokes = part.masked ? [part.masked] : []; // what was changed was another halo's
      part = { swapped: {}, masked: [], dropped: null, ...part };
    }
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
    if (found.problem) message.textContent = found.problem;
    else { scene = root.scene = found; paint(); }
    root.dataset.milliseconds = (performance.now() - began).toFixed(1);
    root.dataset.changes = ++changes;
    began = null;
  }

  // --- links ------------------------------------------------------------------------------

  /** The selection as the end of an address. It names the halo as catalogues do, so that a link
   * outlives a page that was built anew. */
  function address() {
    const index = place.get(state.halo);
    return `#${new URLSearchParams({
      suite: suites[halos.suite[index]], realisation: halos.realisation[index],
      group: halos.group[index], axis: state.axis, fields: state.fields.join(" "),
      limits: state.limits, depth: state.depth, trained_on: state.trained_on,
      why: state.why, beside: state.beside ? "yes" : "",
      masked: state.masked.map((dab) => dab.join(" ")).join(","),
      ...Object.fromEntries(["brightness", "noise", "swapped"].flatMap((kind) =>
        Object.entries(state[kind]).map(([name, value]) => [`${kind} ${name}`, value]))),
    })}`;
  }

  /** Follow a link; what it doesn't say, or says of halos that aren't here, stays. */
  function visit(hash) {
    const asked = new URLSearchParams(hash.slice(1));
    if (!asked.has("suite")) return false;
    const index = [...Array(count).keys()].find((i) =>
      suites[halos.suite[i]] === asked.get("suite")
      && String(halos.realisation[i]) === asked.get("realisation")
      && String(halos.group[i]) === asked.get("group"));
    if (index === undefined) {
      message.textContent = "The halo of this link isn't on this page.";
      return false;
    }
    const part = { halo: halos.number[index] }, limits = asked.get("limits");
    if (asked.get("axis") in AXES) part.axis = asked.get("axis");
    const fields = about.fieldSets.find((set) => set.join(" ") === asked.get("fields"));
    if (fields) part.fields = fields;
    if (["ideal", "survey", "own"].includes(limits)) part.limits = limits;
    const shift = Number(asked.get("depth") ?? NaN);
    if (Math.abs(shift) <= 2) part.depth = moves ? shift : nearestDepth(shift);
    part.beside = asked.get("beside") === "yes";
    if (moves) {
      if (about.properties.some(({ name }) => name === asked.get("why"))) part.why = asked.get("why");
      if (about.networks.includes(asked.get("trained_on"))) part.trained_on = asked.get("trained_on");
      part.masked = (asked.get("masked") || "").split(",").filter(Boolean)
        .map((dab) => dab.split(" ").map(Number)).filter((dab) => dab.length === 3 && dab.every(isFinite));
      Object.assign(part, { brightness: {}, noise: {}, swapped: {} });
      for (const name of Object.keys(about.fields)) {
        const brighter = Number(asked.get(`brightness ${name}`));
        if (Math.abs(brighter) <= 1) part.brightness[name] = brighter;
        const noise = Number(asked.get(`noise ${name}`));
        if (noise >= 0 && noise <= NOISIEST) part.noise[name] = noise;
        const suite = asked.get(`swapped ${name}`);
        if (suites.includes(suite)) part.swapped[name] = suite;
      }
    }
    change(part);
    return true;
  }

  const nearestDepth = (asked) => depths.reduce((best, value) =>
    Math.abs(value - asked) < Math.abs(best - asked) ? value : best);

  // --- drawing ----------------------------------------------------------------------------

  /** log10 of the value below which a pixel of a field isn't detected. */
  function limitOf(field) {
    const { floor, surveyLimit } = about.fields[field];
    if (state.limits === "ideal") return floor;
    return Math.max(surveyLimit + (state.limits === "own" ? state.depth : 0), floor);
  }

  /** log10 of a map with its undetected pixels filled: a limit above the survey's, which the
   * network was trained with, leaves them at the survey's. */
  function limited(image) {
    const limit = limitOf(image.field), fill = Math.min(limit, about.fields[image.field].surveyLimit);
    return Float32Array.from(image.levels, (level) => {
      const value = level ? image.low + (level / 255) * (image.high - image.low) : -Infinity;
      return value < limit ? fill : value;
    });
  }

  const nameOf = (index) => `${labelOf(suites[halos.suite[index]])} ${about.setName} `
    + `${halos.realisation[index]}, group ${halos.group[index]}`;

  function paint() {
    if (!scene) return;
    const index = place.get(scene.halo);
    haloMenu.value = scene.halo;
    lighter.disabled = list.indexOf(index) <= 0;
    heavier.disabled = list.indexOf(index) === list.length - 1;
    axisMenu.value = scene.axis;
    limitsMenu.value = state.limits;
    fieldsMenu.value = about.fieldSets.findIndex((set) => set.join() === state.fields.join());
    const shift = state.limits === "own" ? state.depth : 0;
    depth.max = depths.length - 1;
    depth.value = depths.indexOf(nearestDepth(shift));
    depthValue.textContent = state.limits === "ideal" ? "no limit" : `survey × ${factor(shift)}`;
    depth.setAttribute("aria-valuetext",
      `${factor(shift)} times the survey's limit, ${number(shift)} decades above it`);
    const changes = isChanged() ? "changed: " : "";
    status.textContent = state.dropped ? `A map of your own; ${describeLimits()}`
      : `${changes}${nameOf(index)}: log M = ${number(halos.mass[index])}, R200c = `
      + `${number(halos.radius[index], 0)} kpc; ${describeLimits()}`;
    const known = Object.entries(scene.twins);
    twins.replaceChildren(known.length ? "Same halo in " : "", ...known.map(([suite, twin]) =>
      button(labelOf(suite), () => change({ halo: twin }))));
    beside.control.checked = state.beside;
    paintMaps();
    for (const one of perField) one.paint(known.map(([suite]) => suite));
    trainedMenu.value = state.trained_on;
    whyMenu.value = state.why;
    undo.disabled = !strokes.length;
    profiles.replaceChildren(...scene.images.map((image) => paintProfile(image, index)));
    paintTable(index);
    paintAnswers();
    paintWarning();
    paintWhy();
    paintPlane();
    link.href = address();
  }

  const factor = (shift) => (Math.abs(shift) <= 2
    ? String(Number((10 ** shift).toPrecision(2))) : power(shift));

  function describeLimits() {
    if (state.limits === "ideal") return "ideal maps, no limit";
    const each = scene.images.map((image) => `${about.fields[image.field].title} `
      + `${power(limitOf(image.field))} ${about.fields[image.field].unit}`);
    const whose = state.limits === "survey"
      ? `survey limits (${scene.images.map((i) => about.fields[i.field].survey).join(", ")})`
      : `your limits, ${number(state.depth)} decades above the survey's`;
    return `${whose}: ${each.join(", ")}`;
  }

  /** The scenes that are shown: of the halo, and of its twins beside it. */
  const shown = () => [scene, ...scene.others.filter((one) => !one.problem)];
  const suiteOf = (one) => suites[halos.suite[place.get(one.halo)]];

  /** Maps of the halo, and rows of those of its twins; figures stay as long as the fields do. */
  function paintMaps() {
    const all = shown(), keys = all.flatMap((one) => one.images.map((image) => keyOf(one, image)));
    if (keys.join() !== [...figures.keys()].join()) {
      figures = new Map(keys.map((key) => [key, buildFigure(key.split(" ")[1])]));
      const [own, ...rest] = all.map((one) => one.images.map((image) => figures.get(keyOf(one, image))));
      maps.replaceChildren(...own.map((figure) => figure.element));
      others.replaceChildren(...rest.map((row, i) => make("section", { className: "other" },
        make("p", {}), make("div", { className: "maps" }, ...row.map((figure) => figure.element)))));
    }
    for (const one of all) {
      for (const image of one.images) {
        figures.get(keyOf(one, image)).paint(image, place.get(one.halo), one);
      }
    }
    [...others.children].forEach((row, i) => {
      row.firstChild.textContent = `${nameOf(place.get(all[i + 1].halo))}: log M = `
        + `${number(halos.mass[place.get(all[i + 1].halo)])}, in the same colours`;
    });
  }

  const keyOf = (one, image) => `${one === scene ? "" : suiteOf(one)} ${image.field}`;

  function scaleOf(image) {
    image = scene.images.find(({ field }) => field === image.field); // twins have the halo's
    if (look.hold && look.held[image.field]) return look.held[image.field];
    const limit = limitOf(image.field);
    if (state.limits !== "ideal") return [limit, Math.max(image.high, limit + 1)];
    return [Math.max(image.high - about.fields[image.field].range, image.low), image.high];
  }

  function keepScale(checked) {
    look.held = Object.fromEntries((scene ? scene.images : []).map((image) =>
      [image.field, scaleOf(image)]));
    look.hold = checked;
  }

  /** One field's map, which stays in place while what it shows changes. */
  function buildFigure(fieldName) {
    const field = about.fields[fieldName], half = about.halfWidth;
    const canvas = make("canvas", { tabIndex: 0, onkeydown: move, onpointermove: point,
      onpointerdown: (event) => {
        if (brushing) canvas.setPointerCapture(event.pointerId);
        point(event, true);
      },
      onpointerleave: () => { at = null; readOut(); } });
    canvas.setAttribute("role", "img");
    const over = document.createElementNS(SVG, "svg");
    over.setAttribute("viewBox", `${-half} ${-half} ${2 * half} ${2 * half}`);
    over.setAttribute("aria-hidden", "true");
    const readout = make("span", { className: "readout" });
    const bar = make("canvas", { width: 256, height: 1, className: "bar" });
    bar.setAttribute("aria-hidden", "true");
    const ends = make("div", { className: "ends" });
    const element = make("figure", {},
      make("figcaption", {}, field.title, make("small", {}, ` [${field.unit || "1"}]`)),
      make("div", { className: "map" }, canvas, over), readout, bar, ends);
    let at = null, values = null, index = 0, from = null; // at: pixel that is read out, [column, row]

    const placeOf = (pixel) => pixel.map((one) => ((one + 0.5) / canvas.width * 2 - 1) * half);

    function point(event, starts = false) {
      const frame = canvas.getBoundingClientRect(), side = canvas.width;
      const inside = (share) => Math.min(Math.max(Math.floor(share * side), 0), side - 1);
      at = [inside((event.clientX - frame.left) / frame.width),
        inside(1 - (event.clientY - frame.top) / frame.height)];
      readOut();
      if (brushing && event.buttons && event.isPrimary) rub(...placeOf(at), starts);
    }

    function move(event) {
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      if (event.key === "Enter" && brushing && at) rub(...placeOf(at), true);
      if (!(event.key in by)) return;
      event.preventDefault();
      const side = canvas.width;
      at = (at ?? [side / 2, side / 2]).map((value, i) =>
        Math.min(Math.max(value + by[event.key][i], 0), side - 1));
      readOut();
    }

    function readOut() {
      const [across, up] = AXES[from.axis], side = canvas.width, moved = moving();
      over.querySelector(".cross")?.remove();
      if (!at) { readout.textContent = `${2 * half} kpc, ${across} → ${up} ↑`; return; }
      const [x, y] = placeOf(at);
      const value = values[at[1] * side + at[0]], limit = limitOf(fieldName);
      let words = value <= Math.fround(limit) ? "not detected" : power(value);
      if (moved) {
        const by = moved[at[1] * side + at[0]], { label } = explained();
        words += by ? `; ${by > 0 ? "raises" : "lowers"} ${label} by ${small(Math.abs(by))}`
          : `; doesn't move ${label}`;
      }
      readout.textContent = `${across} ${number(x, 0)}, ${up} ${number(y, 0)} kpc: ${words}`;
      draw(over, "path", { class: "cross", stroke: "#fff", "stroke-width": half / 150,
        d: `M${x - half / 25} ${-y}h${2 * half / 25}M${x} ${-y - half / 25}v${2 * half / 25}` });
    }

    /** Contributions of the drawn pixels, each that of the network's pixel it lies in. */
    function moving() {
      const coarse = from.why?.[fieldName];
      if (!coarse) return null;
      const side = canvas.width, block = side / Math.sqrt(coarse.length);
      return Float32Array.from({ length: side * side }, (_, i) => coarse[
        Math.floor(i / side / block) * side / block + Math.floor((i % side) / block)]);
    }

    function paint(image, halo, one) {
      index = halo;
      from = one;
      values = limited(image);
      const [low, high] = scaleOf(image), side = Math.sqrt(values.length);
      canvas.width = canvas.height = side;
      const moved = moving(), most = mostMoving(); // what moves the answer is drawn over grey
      const colours = palettes[moved ? "gray" : look.palette === "own" ? field.palette : look.palette];
      canvas.setAttribute("aria-label", `${field.title} map of ${nameOf(index)} along ${scene.axis}; `
        + `colours from ${power(low)} to ${power(high)} ${field.unit}; arrow keys read out a pixel`);
      const context = canvas.getContext("2d"), pixels = context.createImageData(side, side);
      values.forEach((value, i) => {
        const share = Math.min(Math.max((value - low) / (high - low), 0), 1);
        const shade = 3 * Math.round(255 * share);
        const to = 4 * ((side - 1 - Math.floor(i / side)) * side + (i % side));
        let colour = [colours[shade], colours[shade + 1], colours[shade + 2]];
        if (moved) {
          colour = mixed(mixed([0, 0, 0], colour, 0.6), moved[i] > 0 ? RAISES : LOWERS,
            Math.sqrt(Math.abs(moved[i]) / most));
        }
        pixels.data.set([...colour, 255], to);
      });
      context.putImageData(pixels, 0, 0);
      over.replaceChildren();
      const ring = { cx: 0, cy: 0, fill: "none", stroke: "#fff", "stroke-width": half / 150 };
      for (const [radius, dashes] of look.circles ? rings(index) : []) {
        draw(over, "circle", { ...ring, r: radius,
          "stroke-dasharray": dashes.map((dash) => dash * half / 150) });
      }
      const strip = bar.getContext("2d"), steps = strip.createImageData(256, 1);
      for (let level = 0; level < 256; level++) {
        steps.data.set([...colours.slice(3 * level, 3 * level + 3), 255], 4 * level);
      }
      strip.putImageData(steps, 0, 0);
      ends.replaceChildren(...[low, high].map((value) => make("span", {}, power(value))));
      readOut();
    }

    return { element, canvas, bar, paint };
  }

  /** The property whose inferred mean is explained. */
  const explained = () => about.properties.find(({ name }) => name === state.why);
  const small = (value) => (value < 0.0005 ? "less than 0.001" : number(value, 3));
  const mostMoving = () => Object.values(scene.why ?? {}).flatMap((values) => [...values])
    .reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);

  /** Radii that are drawn about the centre, with their dashes. */
  const rings = (index) => [[halos.radius[index], [5, 4]], [about.aperture, [1, 3]]];

  function paintProfile(image, index) {
    const field = about.fields[image.field], profile = radialProfile(limited(image));
    const wide = 320, high = 130, left = 58, bottom = 30, top = 20;
    const edge = about.halfWidth, radius = (k) => (k + 0.5) / profile.length * edge;
    const [low, highest] = scaleOf(image);
    const ends = [Math.min(low, ...profile), Math.max(highest, ...profile)];
    const x = (r) => left + (r / edge) * (wide - left - 6);
    const y = (value) =>
      high - bottom - ((value - ends[0]) / (ends[1] - ends[0])) * (high - bottom - top);
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    svg.setAttribute("class", "plot");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `Radial profile of ${field.title}: `
      + `${power(profile[0])} at the centre, ${power(profile.at(-1))} at the edge`);
    draw(svg, "path", { d: `M${left} ${top}V${high - bottom}H${wide - 6}`, fill: "none",
      stroke: "var(--ink)" });
    for (const [r, dashes] of look.circles ? rings(index) : []) {
      if (r < edge) {
        draw(svg, "path", { d: `M${x(r)} ${top}V${high - bottom}`, stroke: "var(--ink)",
          "stroke-dasharray": dashes });
      }
    }
    draw(svg, "polyline", { points: profile.map((value, k) => `${x(radius(k))},${y(value)}`)
      .join(" "), fill: "none", stroke: "var(--curve)", "stroke-width": 2 });
    for (let r = 0; r < edge; r += 100) {
      draw(svg, "text", { x: x(r), y: high - bottom + 12, "text-anchor": "middle" }, r);
    }
    draw(svg, "text", { x: left, y: 12 }, `${field.title}, mean over annuli`);
    draw(svg, "text", { x: (left + wide) / 2, y: high - 3, "text-anchor": "middle" },
      "radius [kpc]");
    const first = Math.ceil(ends[0]), every = Math.max(1, Math.ceil((ends[1] - ends[0]) / 4));
    const ticks = [];
    for (let value = first; value <= ends[1]; value += every) ticks.push([value, `10${superscript(value)}`]);
    // A single power of ten says nothing of the scale.
    for (const [value, text] of ticks.length > 1 ? ticks : ends.map((one) => [one, power(one)])) {
      draw(svg, "text", { x: left - 3, y: y(value) + 4, "text-anchor": "end" }, text.replaceAll(" ", ""));
    }
    return svg;
  }

  /** Say how much each field moved the answer, from that to a blank map. */
  function paintWhy() {
    const moved = Object.entries(scene.why ?? {}), property = explained();
    why.hidden = !moved.length || !property;
    if (why.hidden) return;
    const sums = moved.map(([, values]) => values.reduce((sum, value) => sum + value, 0));
    const mean = scene.mean[about.properties.indexOf(property)];
    const signed = (value) => `${value < -0.0005 ? "−" : "+"}${number(Math.abs(value), 3)}`;
    why.replaceChildren(`Why ${property.label} = ${number(mean, 3)}: blank maps give `
      + `${number(scene.blank, 3)}, ${moved.map(([field], i) =>
        `${about.fields[field].title} ${signed(sums[i])}`).join(", ")}. `,
    make("span", { className: "raises" }, "Pixels that raise it"), ", ",
    make("span", { className: "lowers" }, "pixels that lower it"),
    `; full colour is ${small(mostMoving())} a pixel.`);
  }

  /** Whether an inferred mean lies outside its property's range, by more than its error. */
  const beyond = (property, i) => Boolean(scene.mean)
    && (scene.mean[i] < property.low - scene.std[i] || scene.mean[i] > property.high + scene.std[i]);

  function paintTable(index) {
    const rows = about.properties.map((property, i) => {
      const truth = state.dropped ? null : halos.properties[i][index];
      const known = scene.mean && truth !== null;
      const off = known ? (scene.mean[i] - truth) / scene.std[i] : null;
      return make("tr", { className: beyond(property, i) ? "beyond" : "" },
        make("th", { scope: "row" },
          make("div", {}, make("span", {}, property.label), paintCurves(property, truth, i))),
        make("td", {}, number(truth, 3)),
        make("td", { className: "inferred" },
          scene.mean ? `${number(scene.mean[i], 3)} ± ${number(scene.std[i], 3)}` : "–"),
        make("td", {}, off === null ? "–" : `${off > 0 ? "+" : "−"}${number(Math.abs(off), 1)} σ`));
    });
    const head = ["property", "true", "network", "off by"];
    const others = shown().slice(1).map((one) => labelOf(suiteOf(one)));
    table.replaceChildren(
      make("caption", {}, "The six properties: true (tick)" + (!scene.mean ? `; ${scene.network}.`
        : `, and by the ${scene.network} (curve: its posterior, normal with this mean and width${others.length
          ? `; thin curves: those of ${others.join(" and ")}, each by the network of its suite` : ""}).`)),
      make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, ...rows));
  }

  function paintAnswers() {
    answers.replaceChildren(...about.properties.map((property, i) => make("span", {},
      make("b", {}, property.label.split(" [")[0]), scene.mean
        ? `${number(scene.mean[i])} ± ${number(scene.std[i])}` : "–")));
  }

  /** Say in red what lies outside the training: of the maps, and of the answer. */
  function paintWarning() {
    const words = scene.outside.map(([field, statistic, way]) =>
      `${about.fields[field].title} ${STATISTICS[statistic]} ${way}`);
    const out = about.properties.filter(beyond).map((property) => property.label.split(" [")[0]);
    warning.textContent = [
      words.length ? `Outside training: ${words.join(", ")} than in any map that this network saw.`
        : "",
      out.length ? `Outside the range of the training: ${out.join(", ")}.` : "",
      words.length || out.length ? "Don't trust these estimates." : "",
    ].filter(Boolean).join(" ");
  }

  /** The posteriors of a property: of the halo, filled, and of the twins beside it. */
  function paintCurves(property, truth, i) {
    const wide = 120, high = 24, svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    svg.setAttribute("class", "range");
    svg.setAttribute("role", "img");
    const x = (value) =>
      8 + (wide - 16) * (value - property.low) / (property.high - property.low);
    draw(svg, "path", { d: `M0 ${high - 2}H${wide}`, stroke: "var(--faint)" });
    const answers = shown().filter((one) => one.mean);
    const narrowest = Math.min(...answers.map((one) => one.std[i]));
    const words = [];
    for (const one of answers) {
      const mean = one.mean[i], std = one.std[i], own = one === scene;
      const colour = own ? "var(--inferred)" : tint(halos.suite[place.get(one.halo)]);
      const sharp = (high - 4) * narrowest / std;
      const line = Array.from({ length: wide / 2 + 1 }, (_, k) => {
        const value = property.low + (2 * k - 8) / (wide - 16) * (property.high - property.low);
        return `${2 * k} ${high - 2 - sharp * Math.exp(-(((value - mean) / std) ** 2) / 2)}`;
      });
      if (own && (x(mean) < 0 || x(mean) > wide)) {
        const tip = x(mean) < 0 ? 0 : wide, base = tip ? wide - 8 : 8; // an arrow: it lies further out
        draw(svg, "path", { class: "arrow", d: `M${tip} 12L${base} 7V17Z`, fill: "var(--warning)" });
      } else {
        draw(svg, "path", { class: "curve", d: `M0 ${high - 2}L${line.join("L")}L${wide} ${high - 2}`,
          stroke: colour, "stroke-width": own ? 1.5 : 1.2, fill: own ? colour : "none",
          "fill-opacity": 0.3 });
      }
      words.push(`${own ? "posterior" : labelOf(suiteOf(one))} ${number(mean, 3)} ± ${number(std, 3)}`);
    }
    if (truth !== null) {
      draw(svg, "path", { d: `M${x(truth)} 1V${high}`, stroke: "var(--ink)", "stroke-width": 2 });
    }
    svg.setAttribute("aria-label", words.join(", ") || "no posterior");
    return svg;
  }

  /** Offer what is shown as a picture: maps, colours and table. */
  function savePicture() {
    const index = place.get(scene.halo), edge = 20, side = 420, wide = side + edge, row = side + 100;
    const rows = shown(), count = scene.images.length;
    const canvas = make("canvas", {
      width: Math.max(2, count) * wide + edge,
      height: rows.length * row + 50 + 24 * (about.properties.length + 2),
    });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingEnabled = false;
    const write = (text, x, y, font = "15px system-ui, sans-serif", fill = INK) => {
      pen.font = font;
      pen.fillStyle = fill;
      pen.fillText(text, x, y);
    };
    write(`${nameOf(index)}, along ${scene.axis}; ${about.source}`, edge, 26);
    rows.flatMap((one) => one.images.map((image) => [one, image])).forEach(([one, image], i) => {
      const figure = figures.get(keyOf(one, image)), middle = side / 2;
      const left = edge + (i % count) * wide, top = 62 + Math.floor(i / count) * row;
      write(`${labelOf(suiteOf(one))}: ${figure.element.querySelector("figcaption").textContent}`, left, top - 10,
        "bold 15px sans-serif");
      pen.drawImage(figure.canvas, left, top, side, side);
      pen.save();
      pen.beginPath();
      pen.rect(left, top, side, side);
      pen.clip();
      pen.strokeStyle = "#fff";
      for (const [radius, dashes] of look.circles ? rings(place.get(one.halo)) : []) {
        pen.setLineDash(dashes.map((dash) => 1.5 * dash));
        pen.beginPath();
        pen.arc(left + middle, top + middle, radius / about.halfWidth * middle, 0, 7);
        pen.stroke();
      }
      pen.restore();
      pen.drawImage(figure.bar, left, top + side + 8, side, 12);
      const [low, high] = scaleOf(image);
      write(power(low), left, top + side + 38);
      pen.textAlign = "right";
      write(power(high), left + side, top + side + 38);
      pen.textAlign = "left";
    });
    let y = rows.length * row + 36;
    if (!why.hidden) write(why.textContent, edge, y - 20);
    write(`${scene.network}; ${describeLimits()}`, edge, y);
    for (const row of table.tBodies[0].rows) {
      y += 24;
      const fill = row.className === "beyond" ? WARNING : INK;
      [...row.cells].slice(0, 4).forEach((cell, i) =>
        write((cell.querySelector("span") ?? cell).textContent, edge + [0, 190, 300, 480][i], y, undefined, fill));
    }
    write(warning.textContent, edge, y + 24, undefined, WARNING);
    canvas.toBlob((blob) => {
      const file = make("a", { href: URL.createObjectURL(blob),
        download: `${nameOf(index).replace(/\W+/g, "_")}_${scene.axis}_${state.limits}.png` });
      file.click();
      URL.revokeObjectURL(file.href);
      message.textContent = `${file.download} is saved.${window === window.top ? ""
        : " If not: the page that frames this one forbids downloads. Open this one by itself."}`;
    });
  }

  // --- the plane of mass and property -----------------------------------------------------

  const ofTheme = (name) => getComputedStyle(root).getPropertyValue(name);
  /** A suite's colour; on a dark ground, lighter. */
  function tint(suite) {
    const colour = Object.values(about.suites)[suite];
    if (!ofTheme("--lighter").trim()) return colour;
    const parts = colour.match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16));
    return `rgb(${mixed(parts, [255, 255, 255], Number(ofTheme("--lighter"))).map(Math.round).join()})`;
  }
  const repaint = () => { planeImage = null; paint(); };
  for (const [element, theme] of [[document.documentElement, "data-theme"],
    [document.body, "data-jp-theme-light"]]) {
    new MutationObserver(repaint).observe(element, { attributeFilter: [theme] });
  }
  matchMedia("print").addEventListener("change", repaint); // paper is light

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
    pen.fillStyle = ofTheme("--ground");
    pen.fillRect(0, 0, WIDE, HIGH);
    const colours = suites.map((_, i) => tint(i)), size = count > 500 ? 1.3 : 2.5;
    const listed = new Set(list);
    for (const strong of [false, true]) {
      pen.globalAlpha = strong ? 1 : 0.5;
      for (let index = 0; index < count; index++) {
        if (to.values[index] === null || listed.has(index) !== strong) continue;
        pen.fillStyle = colours[halos.suite[index]];
        pen.beginPath();
        pen.arc(to.x(halos.mass[index]), to.y(to.values[index]), size, 0, 7);
        pen.fill();
      }
    }
    pen.globalAlpha = 1;
    pen.strokeStyle = pen.fillStyle = ofTheme("--ink");
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
      pen.fillStyle = ofTheme("--ink");
      pen.fillText(labelOf(name), across + 14, MARGIN.top - 9);
      across += pen.measureText(`● ${labelOf(name)}   `).width;
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
      pen.strokeStyle = ofTheme("--ink");
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
  if (about.links) window.addEventListener("hashchange", () => visit(location.hash));
  if (!about.links || !visit(location.hash)) change({});
  return { say: (text) => { message.textContent = text; } };
}
