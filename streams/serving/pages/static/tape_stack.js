// Lanes over one axis of time, on a canvas. Everything in them is a number or a word of ours; tooltips are drawn, never HTML.
import { h, watch } from "vue";
import { echarts } from "nicegui-echart";
import { clock, short, whole, zone } from "tape_clock";

const RIGHT = 14;
const HEAD = 24; // Room for a lane's title.
const ROW = 26;
const FOOT = 26;
const SIZES = { critical: 17, warning: 14, notice: 11, info: 9 };
const SIGNS = { critical: "!!!", warning: "!!", notice: "!" };
const DASHES = { main: "solid", second: "dashed", third: "dotted", faint: [2, 6] };
const STROKES = { main: "━━", second: "╍╍", third: "┅┅", faint: "┈┈" };
const SHAPES = { triangle: "triangle", circle: "circle", rect: "rect", ring: "emptyCircle" };
const isLocal = (href) => typeof href === "string" && /^\/(?![/\\])/.test(href);
const figure = (n) => n.toLocaleString("en", { maximumSignificantDigits: 6 });
const ROUGH = new Set(["%", "z", "from -1 to 1"]); // Units of which nobody wants six digits.
const rough = (n) => n.toLocaleString("en", { maximumSignificantDigits: 3 });
const brief = (n) =>
  Math.abs(n) >= 100_000
    ? n.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 4 })
    : figure(n);

export default {
  props: { stack: { type: Object, default: null } },
  mounted() {
    this.chart = echarts.init(this.$refs.canvas, null, { renderer: "canvas" });
    this.chart.on("click", (e) => this.follow(e));
    this.sizes = new ResizeObserver(() => {
      this.chart.resize();
      this.draw();
    });
    this.sizes.observe(this.$refs.canvas);
    this.scheme = window.matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.draw);
    this.unwatch = watch(
      () => [this.stack, clock.local],
      () => this.draw(),
    );
    this.draw();
  },
  beforeUnmount() {
    this.unwatch();
    this.scheme.removeEventListener("change", this.draw);
    this.sizes.disconnect();
    this.chart.dispose();
  },
  methods: {
    follow(e) {
      const marker = e.seriesName === "markers" ? this.stack.markers[e.dataIndex] : null;
      if (marker && isLocal(marker.href)) window.location.assign(marker.href);
    },
    draw() {
      if (this.chart && this.stack)
        this.chart.setOption(optionsOf(this.stack, lookOf(this.$el), this.$el.clientWidth), true);
    },
  },
  render() {
    const stack = this.stack || { lanes: [], rows: [], words: "" };
    return h("div", { class: "stack" }, [
      h("div", {
        ref: "canvas",
        class: "stack-canvas",
        role: "img",
        "aria-label": stack.words,
        style: { height: `${heightOf(stack)}px` },
      }),
    ]);
  },
};

const heightOf = (stack) =>
  stack.lanes.reduce((sum, lane) => sum + HEAD + lane.height + 8, 0) + HEAD + ROW * stack.rows.length + FOOT;

function lookOf(element) {
  const css = getComputedStyle(element);
  const colour = (name, otherwise) => css.getPropertyValue(name).trim() || otherwise;
  return {
    text: colour("--ink-2", "#515a54"),
    line: colour("--line-strong", "#bcc2bb"),
    back: colour("--sheet", "#ffffff"),
    ink: colour("--ink", "#1b211d"),
    main: colour("--link", "#0b5d66"),
    second: colour("--model", "#5a3d8a"),
    third: colour("--warning", "#8a5200"),
    faint: colour("--ink-3", "#6b746e"),
    up: colour("--well", "#1f6a3f"),
    down: colour("--critical", "#a81c2c"),
    holed: colour("--warning", "#8a5200"),
    font: css.fontFamily,
    critical: colour("--critical", "#a81c2c"),
    warning: colour("--warning", "#8a5200"),
    notice: colour("--notice", "#1f5691"),
    info: colour("--ink-3", "#6b746e"),
  };
}

// What is doubtful is hatched: it is seen without colours too.
function hatch(what, look) {
  const side = what === "no windows" ? 6 : 8;
  const tile = document.createElement("canvas");
  tile.width = tile.height = side;
  const pen = tile.getContext("2d");
  pen.strokeStyle = what === "no windows" ? look.line : look.holed;
  pen.globalAlpha = what === "no windows" ? 0.5 : 0.55;
  pen.lineWidth = what === "source missing" ? 0.7 : 1.2;
  pen.beginPath();
  pen.moveTo(0, side);
  pen.lineTo(side, 0);
  if (what === "no windows") {
    pen.moveTo(0, 0);
    pen.lineTo(side, side);
  }
  pen.stroke();
  return { image: tile, repeat: "repeat" };
}

function optionsOf(stack, look, width) {
  const narrow = width < 600;
  const left = narrow ? 58 : 66;
  const tops = [];
  let top = HEAD;
  for (const lane of stack.lanes) {
    tops.push(top);
    top += lane.height + 8 + HEAD;
  }
  tops.push(top);
  const heights = [...stack.lanes.map((lane) => lane.height), ROW * stack.rows.length];
  const hatches = Object.fromEntries(["holed", "source missing", "no windows"].map((w) => [w, hatch(w, look)]));
  const units = [];
  const series = [];
  stack.lanes.forEach((lane, at) => {
    for (const one of seriesOf(lane, at, look, hatches)) {
      units.push(lane.unit);
      series.push(one);
    }
  });
  return {
    animation: false,
    useUTC: !clock.local,
    textStyle: { color: look.text, fontFamily: look.font },
    title: [...stack.lanes.map((lane, at) => titleOf(lane, tops[at], narrow, look)), headOf("What happened", tops.at(-1), look)],
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      confine: true,
      backgroundColor: look.back,
      borderColor: look.line,
      padding: 8,
      textStyle: { color: look.ink, fontSize: 12, fontFamily: look.font },
      axisPointer: { type: "line", axis: "x", lineStyle: { color: look.text, type: "dashed" } },
      formatter: (shown) => tooltipOf(stack, shown, units),
    },
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    grid: tops.map((t, at) => ({ left, right: RIGHT, top: t, height: heights[at], outerBoundsMode: "none" })),
    xAxis: tops.map((_, at) => timeAxis(stack, at, at === tops.length - 1, look, narrow)),
    yAxis: [...stack.lanes.map((lane, at) => valueAxis(lane, at, look)), rowsAxis(stack, tops.length - 1, look)],
    series: [...series, ...happenedOf(stack, tops.length - 1, look)],
  };
}

const headOf = (text, top, look) => ({
  text,
  left: 0,
  top: top - 20,
  padding: 0,
  textStyle: { fontSize: 12, fontWeight: 600, color: look.ink, fontFamily: look.font },
});

function titleOf(lane, top, narrow, look) {
  const unit = lane.unit && lane.unit !== lane.title.toLowerCase() ? ` {unit|${lane.unit}}` : "";
  const names = lane.series.length > 1 || lane.candles ? lane.series : [];
  const keys = names.map((one) => `{${one.colour}|${one.form === "bars" ? "▮" : STROKES[one.colour]}} {unit|${one.name}}`);
  const fontSize = narrow ? 9.5 : 11;
  const rich = { unit: { color: look.text, fontSize } };
  for (const name of ["main", "second", "third", "faint"]) rich[name] = { color: look[name], fontSize };
  const head = headOf(`${lane.title}${unit}${narrow ? " " : "   "}${keys.join(narrow ? " " : "   ")}`, top, look);
  head.textStyle.rich = rich;
  return head;
}

const timeAxis = (stack, at, last, look, narrow) => ({
  type: "time",
  gridIndex: at,
  min: stack.from,
  max: stack.to,
  splitNumber: narrow ? 3 : 8,
  axisLabel: { show: last, color: look.text, hideOverlap: true, fontSize: 11 },
  axisTick: { show: last, lineStyle: { color: look.line } },
  axisLine: { onZero: false, lineStyle: { color: look.line, opacity: 0.6 } },
  splitLine: { show: true, lineStyle: { color: look.line, opacity: 0.18 } },
});

const valueAxis = (lane, at, look) => ({
  type: "value",
  gridIndex: at,
  scale: true,
  splitNumber: lane.height > 100 ? 4 : 2,
  min: lane.least ?? undefined,
  max: lane.greatest ?? undefined,
  axisLabel: { color: look.text, fontSize: 11, hideOverlap: true, formatter: brief },
  splitLine: { lineStyle: { color: look.line, opacity: 0.25 } },
});

const rowsAxis = (stack, at, look) => ({
  type: "category",
  gridIndex: at,
  inverse: true,
  data: stack.rows,
  axisLabel: { color: look.text, fontSize: 11 },
  axisLine: { show: false },
  axisTick: { show: false },
  axisPointer: { show: false, triggerTooltip: false },
  splitArea: { show: true, areaStyle: { color: ["transparent", `${look.line}18`] } },
});

function seriesOf(lane, at, look, hatches) {
  const place = { xAxisIndex: at, yAxisIndex: at, emphasis: { disabled: true }, animation: false };
  const made = lane.candles ? [candlesOf(lane, place, look)] : [];
  for (const one of lane.series) made.push(lineOf(one, lane, place, look));
  made[0].markArea = {
    silent: true,
    data: lane.doubts.map(([from, to, what]) => [{ xAxis: from, itemStyle: { color: hatches[what] } }, { xAxis: to }]),
  };
  made[0].markLine = {
    silent: true,
    symbol: "none",
    label: { show: false },
    lineStyle: { color: look.text, type: "dashed", opacity: 0.6, width: 1 },
    data: lane.levels.map((level) => ({ yAxis: level })),
  };
  return made;
}

// Hollow where the price rose, filled where it fell; dashed where the window is holed; as wide as its time. The library's
// own candles would widen the axis of their lane, and no lane would fit another.
const candlesOf = (lane, place, look) => ({
  ...place,
  type: "custom",
  name: "price",
  encode: { x: 0, y: [1, 2, 3, 4] },
  clip: true,
  data: lane.candles,
  renderItem: (params, api) => {
    const [middle, open, close, low, high, holed, wide] = [0, 1, 2, 3, 4, 5, 6].map((i) => api.value(i));
    const rose = close >= open;
    const colour = rose ? look.up : look.down;
    const [left, from] = api.coord([middle - wide / 2, open]);
    const [right, to] = api.coord([middle + wide / 2, close]);
    const gap = right - left > 4 ? (right - left) * 0.14 : 0;
    const [top, bottom, x] = [Math.min(from, to), Math.max(from, to), (left + right) / 2];
    const style = { stroke: colour, fill: rose ? look.back : colour, lineWidth: 1.2, lineDash: holed ? [3, 2] : null };
    const wick = (y1, y2) => ({ type: "line", shape: { x1: x, y1, x2: x, y2 }, style: { ...style, fill: null } });
    const body = { x: left + gap, y: top, width: Math.max(1, right - left - 2 * gap), height: Math.max(1, bottom - top) };
    return {
      type: "group",
      children: [
        wick(api.coord([middle, high])[1], top),
        wick(bottom, api.coord([middle, low])[1]),
        { type: "rect", shape: body, style },
      ],
    };
  },
});

function lineOf(one, lane, place, look) {
  const colour = look[one.colour];
  const shared = { ...place, name: one.name, data: one.dots, itemStyle: { color: colour } };
  if (one.form === "bars") return { ...shared, type: "custom", encode: { x: 0, y: 1 }, clip: true, renderItem: barOf(lane.window, colour) };
  return {
    ...shared,
    type: "line",
    connectNulls: false,
    symbol: "circle",
    symbolSize: 4,
    showSymbol: standsAlone(one.dots),
    lineStyle: { color: colour, width: one.form === "faint" ? 1.2 : 1.6, type: DASHES[one.colour] },
  };
}

// A bar is as wide as its window. The library's own bars would widen the axis of their lane, and no lane would fit another.
const barOf = (window, colour) => (params, api) => {
  const [middle, value] = [api.value(0), api.value(1)];
  const [left, top] = api.coord([middle - window / 2, value]);
  const [right, base] = api.coord([middle + window / 2, 0]);
  const gap = right - left > 4 ? (right - left) * 0.14 : 0;
  const shape = { x: left + gap, y: Math.min(top, base), width: Math.max(1, right - left - 2 * gap), height: Math.abs(base - top) };
  return { type: "rect", shape, style: { fill: colour } };
};

// A value between two breaks makes no line: then all are dots too.
const standsAlone = (dots) =>
  dots.some(([, y], i) => y !== null && (dots[i - 1]?.[1] ?? null) === null && (dots[i + 1]?.[1] ?? null) === null);

function happenedOf(stack, at, look) {
  const place = { xAxisIndex: at, yAxisIndex: at, animation: false };
  const spans = stack.markers.filter((m) => m.until_ms != null);
  return [
    {
      ...place,
      type: "line",
      name: "spans",
      silent: true,
      symbol: "none",
      lineStyle: { color: look.text, width: 5, opacity: 0.35, cap: "round" },
      data: spans.flatMap((m) => [[m.at_ms, m.row], [m.until_ms, m.row], [m.until_ms, null]]),
    },
    {
      ...place,
      type: "scatter",
      name: "markers",
      cursor: "pointer",
      data: stack.markers.map((m) => ({
        value: [m.at_ms, m.row],
        symbol: SHAPES[m.shape],
        symbolSize: SIZES[m.level] || 8,
        itemStyle: { color: look[m.level] || look.text, borderColor: look.back, borderWidth: m.shape === "ring" ? 2 : 1 },
        label: {
          show: m.level in SIGNS,
          formatter: SIGNS[m.level] || "",
          position: "right",
          distance: 3,
          color: look.ink,
          fontSize: 11,
          fontWeight: 700,
        },
      })),
    },
  ];
}

function tooltipOf(stack, shown, units) {
  const list = Array.isArray(shown) ? shown : [shown];
  if (list.length === 0) return "";
  const lines = [`${whole(list[0].axisValue ?? list[0].value[0])} ${zone()}`];
  for (const one of list) {
    if (one.seriesName === "spans") continue;
    if (one.seriesName === "markers") {
      const marker = stack.markers[one.dataIndex];
      if (marker) lines.push(`${marker.words}, ${short(marker.at_ms)}: click to open`);
      continue;
    }
    const of = units[one.seriesIndex];
    const unit = of ? ` ${of}` : "";
    if (one.seriesName === "price") {
      const [, open, close, low, high] = one.value;
      lines.push(`first ${figure(open)}, last ${figure(close)}, low ${figure(low)}, high ${figure(high)}${unit}`);
    } else if (one.value[1] !== null && one.value[1] !== undefined)
      lines.push(`${of === "z" ? "how unusual, " : ""}${one.seriesName}: ${ROUGH.has(of) ? rough(one.value[1]) : figure(one.value[1])}${unit}`);
  }
  return lines.join("\n");
}
