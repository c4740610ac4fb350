// A click on a figure shows its picture alone, at its full size.
document.addEventListener("click", (event) => {
  const picture = event.target.closest("figure img, .cell_output img");
  if (picture && !picture.closest("a, .cgm-explorer, .jupyter-widgets")) {
    window.open(picture.src);
  }
});
