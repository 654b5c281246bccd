// The beat of the stream. The server sends one each second; when none comes this browser says so by itself.
import { h } from "vue";
import { beat, clock, marketNow, short, silentFor, span, toggleZone, wallNow, whole, zone } from "tape_clock";

export default {
  props: { server_ms: Number, market_ms: Number, speed: { type: Number, default: 1 } },
  data: () => ({ clock }), // watched, so that this is drawn anew each second
  created() {
    beat(this.server_ms, this.market_ms, this.speed);
    this.$watch(
      () => this.server_ms,
      () => beat(this.server_ms, this.market_ms, this.speed),
    );
    this.$watch(
      () => silentFor() > 0,
      (silent) => document.documentElement.classList.toggle("is-silent", silent),
    );
  },
  render() {
    const silent = silentFor();
    const state = silent
      ? h("span", { class: "beat is-silent" }, [h("span", { class: "glyph", "aria-hidden": "true" }, "✕"), `silent ${span(silent)}`])
      : h("span", { class: "beat" }, [h("span", { class: "glyph", "aria-hidden": "true" }, "●"), "live"]);
    const now = whole(wallNow());
    return h("div", { class: "pulse" }, [
      state,
      h("time", { class: "now", datetime: new Date(wallNow()).toISOString() }, now.slice(11)),
      h(
        "button",
        {
          type: "button",
          class: "zone",
          "aria-pressed": String(clock.local),
          title: `Times are shown in ${zone()}. Switch between UTC and local time (key u)`,
          onClick: toggleZone,
        },
        clock.local ? "local" : "UTC",
      ),
      this.speed !== 1
        ? h("span", { class: "market" }, [
            "market ",
            h("time", { title: whole(marketNow()) }, whole(marketNow()).slice(5, 16)),
            ` at ${this.speed}×`,
          ])
        : null,
      silent
        ? h("div", { class: "banner" }, [
            h("strong", {}, `No update for ${span(silent)}.`),
            ` What is shown is as of ${short(clock.beatAt + clock.skew)} ${zone()}. This page connects again by itself;`
              + " if it does not, see whether the serve role runs and can be reached.",
          ])
        : null,
    ]);
  },
};
