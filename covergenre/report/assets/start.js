// Charts and rows wait for the first view.

let rowsRead = Promise.resolve();
startTheme();
startCharts();
startDetails();
if (form) {
  rowsRead = new Promise((resolve) => setTimeout(resolve)).then(readRows);
  rowsRead.then(startTable).catch((error) => {
    document.getElementById("count").textContent =
      "The table cannot be shown: this browser is too old for it (it lacks DecompressionStream).";
    console.error(error);
  });
}
