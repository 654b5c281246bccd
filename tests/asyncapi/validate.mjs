// Reads AsyncAPI documents with the official parser, prints what it says, and exits with how many have an error.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const SEVERITIES = ["error", "warning", "information", "hint"];

let refused = 0;
for (const path of process.argv.slice(2)) {
  const { document, diagnostics } = await new Parser().parse(await readFile(path, "utf8"));
  for (const { severity, path: at, message } of diagnostics) {
    console.log(`${path}: ${SEVERITIES[severity]} at ${at.join("/")}: ${message}`);
  }
  refused += diagnostics.some(({ severity }) => severity === 0) ? 1 : 0;
  console.log(`${path}: ${document ? `${document.channels().all().length} channels` : "no document"}`);
}
process.exitCode = refused;
