// Pieces into elements. Text becomes a text node and nothing else; a link leads to this host or nowhere.
import { h } from "vue";
import { exact, nowOf, short, span, whole, zone } from "tape_clock";

const MARKS = { critical: "▲", warning: "◆", notice: "●", info: "○", well: "✓" };
const VOICES = { rules: "§", model: "❝", simulated: "❝" };
const LOCKED = "Needs an operator's token; you may look";
const local = (href) => typeof href === "string" && /^\/(?![/\\])/.test(href);

const DRAWN = {
  words: (p) =>
    local(p.href)
      ? h("a", { href: p.href, class: tone(p), title: p.hint || undefined }, p.text)
      : h("span", { class: tone(p), title: p.hint || undefined }, p.text),
  prose: (p) => h("div", { class: "prose" }, (p.lines || []).map((line, i) => h("p", { key: i }, line))),
  amount: (p) =>
    h("span", { class: ["amount", tone(p)] }, [p.text, p.unit ? h("span", { class: "unit" }, ` ${p.unit}`) : null]),
  instant: (p) =>
    h("time", { datetime: iso(p.at_ms), title: `${whole(p.at_ms)} ${zone()}` }, p.exact ? exact(p.at_ms) : short(p.at_ms)),
  age: (p) => {
    const ms = nowOf(p.clock || "wall") - p.at_ms;
    const stale = p.stale_ms && ms > p.stale_ms;
    return h("time", { datetime: iso(p.at_ms), class: ["age", { stale }], title: `${whole(p.at_ms)} ${zone()}` }, [
      `${span(ms)} ago`,
      stale ? h("span", { class: "tag" }, "stale") : null,
    ]);
  },
  until: (p) => {
    const ms = p.at_ms - nowOf(p.clock || "wall");
    return h("time", { datetime: iso(p.at_ms), title: `${whole(p.at_ms)} ${zone()}` }, ms > 0 ? `in ${span(ms)}` : "now past");
  },
  mark: (p) =>
    h("span", { class: ["mark", `is-${p.level}`] }, [
      h("span", { class: "glyph", "aria-hidden": "true" }, MARKS[p.level] || "○"),
      h("span", { class: "word" }, p.word),
    ]),
  voice: (p) =>
    h("span", { class: ["voice", `of-${p.whose}`], title: p.hint || undefined }, [
      h("span", { class: "glyph", "aria-hidden": "true" }, VOICES[p.whose] || "§"),
      p.word,
    ]),
  bar: (p) =>
    h("span", { class: ["bar", tone(p)], "aria-hidden": "true" }, [
      h("span", { style: { width: `${Math.min(100, Math.max(0, p.share * 100))}%` } }),
    ]),
  button: (p, act, locked) =>
    h("button", { type: "button", disabled: locked, title: locked ? LOCKED : p.hint || undefined, onClick: () => act({ act: p.act, key: p.key }) }, p.text),
};

const tone = (p) => (p.tone ? `tone-${p.tone}` : undefined);

function iso(ms) {
  const at = new Date(ms);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

export function drawn(line, act, locked = false) {
  return (line || []).map((piece, i) => {
    const made = DRAWN[piece.is]?.(piece, act, locked);
    if (made) made.key = i;
    return made;
  });
}
