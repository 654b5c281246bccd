// Terms and what is known of each, as a list of definitions.
import { h } from "vue";
import { drawn } from "tape_pieces";

export default {
  props: { rows: { type: Array, default: () => [] }, wide: { type: Boolean, default: false } },
  emits: ["act"],
  render() {
    return h(
      "dl",
      { class: ["facts", { "is-wide": this.wide }] },
      this.rows.flatMap((row) => [
        h("dt", { key: `t${row.term}` }, row.term),
        h("dd", { key: `d${row.term}` }, drawn(row.pieces, (done) => this.$emit("act", done))),
      ]),
    );
  },
};
