// A small form: what to choose, a reason, and a button. What was written goes to the server as it is.
import { h } from "vue";

export default {
  props: {
    label: { type: String, default: "" },
    hint: { type: String, default: "" },
    act: { type: String, default: "" },
    selects: { type: Array, default: () => [] }, // {name, label, options: [[value, words], ...]}
    reason: { type: Boolean, default: true },
    disabled: { type: Boolean, default: false },
  },
  emits: ["act"],
  data() {
    return { chosen: Object.fromEntries(this.selects.map((s) => [s.name, s.options[0]?.[0] ?? ""])), why: "" };
  },
  methods: {
    send(event) {
      event.preventDefault();
      this.$emit("act", { act: this.act, ...this.chosen, reason: this.why });
      this.why = "";
    },
  },
  render() {
    const selects = this.selects.map((s) =>
      h("label", { key: s.name }, [
        h("span", {}, s.label),
        h(
          "select",
          { value: this.chosen[s.name], disabled: this.disabled, onChange: (e) => (this.chosen[s.name] = e.target.value) },
          s.options.map(([value, words]) => h("option", { key: value, value }, words)),
        ),
      ]),
    );
    const reason = this.reason
      ? h("label", { class: "grows" }, [
          h("span", {}, "Reason"),
          h("input", {
            type: "text",
            maxlength: 400,
            value: this.why,
            disabled: this.disabled,
            placeholder: "why, for the record",
            onInput: (e) => (this.why = e.target.value),
          }),
        ])
      : null;
    return h("form", { class: "ask", onSubmit: this.send }, [
      ...selects,
      reason,
      h("button", { type: "submit", disabled: this.disabled, title: this.hint || undefined }, this.label),
    ]);
  },
};
