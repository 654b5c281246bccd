// Holds records against JSON Schemas: pairs of a schema and a record. Prints each error, and exits with 1 on one.
import { readFile } from "node:fs/promises";
import { Ajv } from "ajv";

const paths = process.argv.slice(2);
let errors = 0;
for (let at = 0; at < paths.length; at += 2) {
  const [schema, record] = await Promise.all(
    paths.slice(at, at + 2).map(async (path) => JSON.parse(await readFile(path, "utf8"))),
  );
  const validate = new Ajv({ allErrors: true, strict: true, strictRequired: true }).compile(schema);
  if (!validate(record)) {
    for (const { instancePath, message } of validate.errors) {
      console.log(`${paths[at + 1]}: ${instancePath} ${message}`);
    }
    errors += 1;
  }
}
console.log(`${paths.length / 2} records, ${errors} refused`);
process.exitCode = errors > 0 ? 1 : 0;
