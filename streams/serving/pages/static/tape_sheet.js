// A table with a caption and headers. Where the screen is narrow each row is a card whose cells carry their header;
// the roles are written out, because such cells would no longer be cells to a screen reader.
import { h } from "vue";
import { drawn } from "tape_pieces";

export default {
  props: {
    caption: { type: String, default: "" },
    columns: { type: Array, default: () => [] },
    rows: { type: Array, default: () => [] },
    more: { type: Number, default: 0 },
    empty: { type: String, default: "" },
    hidden_caption: { type: Boolean, default: false },
    locked: { type: Boolean, default: false }, // buttons are shown, and do nothing
    stacked: { type: Boolean, default: false }, // rows are cards at every width
  },
  emits: ["act"],
  methods: {
    cell(column, line, i) {
      const kind = { num: column.numeric, main: column.main, plain: column.plain, end: column.end, tight: column.tight };
      return h(
        column.main ? "th" : "td",
        {
          key: i,
          class: kind,
          role: column.main ? "rowheader" : "cell",
          scope: column.main ? "row" : undefined,
          "data-label": column.title,
        },
        [h("div", { class: "cell" }, drawn(line, (done) => this.$emit("act", done), this.locked))],
      );
    },
  },
  render() {
    const columns = this.columns;
    const caption = h("caption", { class: this.hidden_caption ? "unseen" : undefined }, this.caption);
    if (this.rows.length === 0)
      return h("div", { class: "sheet is-empty" }, [
        h("p", { class: this.hidden_caption ? "unseen" : "caption" }, this.caption),
        h("p", { class: "empty" }, this.empty || "Nothing yet."),
      ]);
    const head = h("thead", { role: "rowgroup" }, [
      h(
        "tr",
        { role: "row" },
        columns.map((c, i) =>
          h("th", { key: i, scope: "col", role: "columnheader", class: { num: c.numeric, main: c.main } }, c.title),
        ),
      ),
    ]);
    const body = h(
      "tbody",
      { role: "rowgroup" },
      this.rows.map((row) =>
        h(
          "tr",
          { key: row.key, role: "row", class: row.tone ? `tone-${row.tone}` : undefined },
          row.cells.map((line, i) => this.cell(columns[i] || { title: "" }, line, i)),
        ),
      ),
    );
    return h("div", { class: ["sheet", { "is-stacked": this.stacked }] }, [
      h("table", { role: "table" }, [caption, head, body]),
      this.more > 0 ? h("p", { class: "more" }, `and ${this.more.toLocaleString("en")} more`) : null,
    ]);
  },
};
