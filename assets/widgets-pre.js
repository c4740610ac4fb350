// Three small repairs so that static widgets, icons and math live on one page.
// 1. FontAwesome must not rewrite a widget's icon (each change would throw), but the theme's icons.
window.FontAwesomeConfig = { autoReplaceSvg: false, observeMutations: false };
document.addEventListener("DOMContentLoaded", function () {
  if (!window.FontAwesome) return;
  window.FontAwesome.config.autoReplaceSvg = true;
  window.FontAwesome.dom.i2svg();
});
// 2. The widget bundle calls MathJax 2's queue, which MathJax 3 doesn't have.
window.addEventListener("load", function () {
  if (window.MathJax && !window.MathJax.Hub) window.MathJax.Hub = { Queue: function () {} };
});
