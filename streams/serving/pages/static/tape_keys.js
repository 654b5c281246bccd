// Keys of the pages, and the dialog that lists them. They can be switched off, for those who speak to their machine.
import { h } from "vue";
import { toggleZone } from "tape_clock";

const KEPT = "tapereader.keys";
const WAIT_MS = 1500; // Between g and the second key.

function kept() {
  try {
    return localStorage.getItem(KEPT) !== "off";
  } catch {
    return true;
  }
}

export default {
  props: { places: { type: Array, default: () => [] } }, // {key, name, href}
  data: () => ({ on: kept(), goes: 0 }),
  mounted() {
    document.addEventListener("keydown", this.pressed);
  },
  beforeUnmount() {
    document.removeEventListener("keydown", this.pressed);
  },
  methods: {
    pressed(event) {
      if (!this.on || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
      const going = Date.now() - this.goes < WAIT_MS;
      this.goes = 0;
      if (going) {
        const place = this.places.find((p) => p.key === event.key);
        if (place) window.location.assign(place.href);
      } else if (event.key === "g") this.goes = Date.now();
      else if (event.key === "u") toggleZone();
      else if (event.key === "?") this.open();
    },
    open() {
      if (!this.$refs.dialog.open) this.$refs.dialog.showModal();
    },
    toggle() {
      this.on = !this.on;
      try {
        localStorage.setItem(KEPT, this.on ? "on" : "off");
      } catch {
        // Then it holds for this page alone.
      }
    },
  },
  render() {
    const rows = [
      ...this.places.map((p) => [["g", p.key], p.name]),
      [["u"], "times in UTC or local"],
      [["?"], "this list"],
    ];
    return h("div", { class: "keys" }, [
      h("button", { type: "button", class: "quiet", onClick: this.open }, "Keys"),
      h("dialog", { ref: "dialog", "aria-labelledby": "keys-title" }, [
        h("h2", { id: "keys-title" }, "Keys"),
        h("table", {}, [
          h("caption", { class: "unseen" }, "Keys and what they do"),
          h("thead", { class: "unseen" }, [h("tr", {}, [h("th", { scope: "col" }, "Keys"), h("th", { scope: "col" }, "What they do")])]),
          h(
            "tbody",
            {},
            rows.map(([keys, what]) =>
              h("tr", { key: what }, [
                h("td", {}, keys.map((k) => h("kbd", { key: k }, k))),
                h("td", {}, what),
              ]),
            ),
          ),
        ]),
        h("label", { class: "check" }, [
          h("input", { type: "checkbox", checked: this.on, onChange: this.toggle }),
          " Keys are on in this browser",
        ]),
        h("form", { method: "dialog" }, [h("button", {}, "Close")]),
      ]),
    ]);
  },
};
