// Charts are drawn when they come into view, in the page's colours.

const drawn = new Set();
const heatColours = {
  light: [[0, "#eef4f8"], [0.5, "#5aa5cf"], [1, "#00436b"]],
  dark: [[0, "#1d2833"], [0.5, "#2f7fb3"], [1, "#cfeaff"]],
};

// Two of the colours are too dark for a dark page; the covers' own stay as they are.
const lighter = { "#0072b2": "#4fa8de", "#d55e00": "#f28a45" };

function lightened(figure) {
  const text = JSON.stringify(figure.data).replace(/#0072b2|#d55e00/g, (colour) => lighter[colour]);
  return { ...figure, data: JSON.parse(text) };
}

function coloured(key, printing) {
  const dark = isDark() && !printing;
  const figure = dark && key !== "palettes" ? lightened(figures[key]) : figures[key];
  const ink = dark ? "#e6e8ea" : "#222222";
  const grid = dark ? "#39424b" : "#dddddd";
  const data = figure.data.map((trace) => {
    if (trace.type === "bar") return { ...trace, error_x: { ...trace.error_x, color: ink } };
    if (trace.type !== "heatmap") return trace;
    return { ...trace, colorscale: heatColours[dark ? "dark" : "light"],
      colorbar: { ...trace.colorbar, tickfont: { color: ink } } };
  });
  const axis = (own = {}) => ({
    automargin: true, gridcolor: grid, zerolinecolor: grid, linecolor: grid, ...own,
    ...(data[0].type === "heatmap" ? { showgrid: false, zeroline: false } : {}),
  });
  const layout = {
    showlegend: false, dragmode: false, hovermode: "closest",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: ink, family: "system-ui, sans-serif", size: 12 },
    hoverlabel: { bgcolor: dark ? "#2a333c" : "#ffffff", bordercolor: grid, font: { color: ink } },
    ...figure.layout,
    margin: { l: 40, r: 12, t: 24, b: 36, ...figure.layout.margin },
    xaxis: { ...axis(figure.layout.xaxis), fixedrange: true },
    yaxis: { ...axis(figure.layout.yaxis), fixedrange: true },
  };
  return [data, layout];
}

function draw(element, printing = false) {
  const [data, layout] = coloured(element.id, printing);
  const config = { displayModeBar: false, responsive: true };
  drawn.add(element);
  return Plotly.react(element, data, layout, config);
}

function recolour(printing = false) {
  for (const element of drawn) draw(element, printing);
}

function startCharts() {
  const plots = document.querySelectorAll(".plot");
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "400px" });
  for (const plot of plots) seen.observe(plot);
  addEventListener("beforeprint", () => {
    for (const plot of plots) {
      seen.unobserve(plot);
      draw(plot, true);
    }
  });
  addEventListener("afterprint", () => recolour());
}
