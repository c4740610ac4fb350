// Two small repairs so that static widgets, icons and math live on one page.

// 1. FontAwesome would rewrite the icon of a widget's button, and each change would then throw:
//    it replaces the theme's icons once, and leaves what comes later alone.
window.FontAwesomeConfig = { autoReplaceSvg: false, observeMutations: false };
document.addEventListener("DOMContentLoaded", function () {
  if (!window.FontAwesome) return;
  window.FontAwesome.config.autoReplaceSvg = true;
  window.FontAwesome.dom.i2svg();
});

// 2. The widgets' bundle calls MathJax 2's queue, which MathJax 3 doesn't have. MathJax replaces its
//    global while it starts, so the queue is added whenever the global is set.
(function () {
  function withQueue(mathjax) {
    if (mathjax && !mathjax.Hub) mathjax.Hub = { Queue: function () {} };
    return mathjax;
  }
  var current = withQueue(window.MathJax);
  Object.defineProperty(window, "MathJax", {
    configurable: true,
    get: function () { return current; },
    set: function (mathjax) { current = withQueue(mathjax); },
  });
})();
