// The driver in JupyterLab: every scene comes from the kernel.
function render({ model, el }) {
  const waiting = new Map();
  const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const ask = (selection) => new Promise((resolve) => {
    const request = Math.random();
    waiting.set(request, resolve);
    model.set("selection", { ...selection, request });
    model.save_changes();
  });
  const read = (scene) => ({ ...scene,
    images: (scene.images ?? []).map((image) => ({ ...image, levels: bytes(image.levels) })),
    why: Object.fromEntries(Object.entries(scene.why ?? {}).map(([field, view]) =>
      [field, new Float32Array(bytes(view).slice().buffer)])),
    others: (scene.others ?? []).map(read) });
  const answer = () => {
    const scene = model.get("scene"), resolve = waiting.get(scene.request);
    if (!resolve) return; // another view's
    waiting.delete(scene.request);
    resolve(read(scene));
  };
  model.on("change:scene", answer);
  const { request, ...start } = model.get("selection");
  const explorer = buildExplorer(el, model.get("about"), start, { ask, moves: {},
    order: (kind, halos) => model.send({ export: kind, halos }) });
  const say = () => explorer.say(model.get("message"));
  model.on("change:message", say);
  return () => {
    model.off("change:scene", answer);
    model.off("change:message", say);
  };
}
export default { render };
