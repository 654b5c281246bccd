// One line of pieces, in an element of a kind that was chosen when the page was made.
import { h } from "vue";
import { drawn } from "tape_pieces";

export default {
  props: { as: { type: String, default: "div" }, pieces: { type: Array, default: () => [] } },
  emits: ["act"],
  render() {
    return h(this.as, {}, drawn(this.pieces, (done) => this.$emit("act", done)));
  },
};
