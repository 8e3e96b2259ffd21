/**
 * Writes the tables of docs/closures.md from the rows of the conformance table, between the marks in that page.
 *
 *     pnpm docs:closures      writes
 *     … --check               only tells, by its exit code, whether the page is up to date
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Group, Row } from "./row.ts";
import { groups as plain } from "./table.ts";
import { groups as transformed } from "./transformed-table.ts";

const PAGE = join(import.meta.dirname, "../../docs/closures.md");
const groups = [...plain, ...transformed];
const WHERE = {
  loader: "without the loader",
  "process realm": "in an isolate",
  "isolate realm": "in a process realm",
};

const isRefused = ({ needs, refused }: Row) => refused !== undefined && needs === undefined;

const travels = tables(
  (row) => !isRefused(row),
  "| | |\n|---|---|",
  ({ says, needs, refused, granted, not }) => {
    const limits = [
      granted ? "with the grant" : "",
      needs && refused ? `${WHERE[needs]}: \`${refused.code}\`; ${refused.instead}` : "",
      bundled(not),
    ];
    return `| ${cell(says)} | ${cell(limits.filter(Boolean).join("; "))} |`;
  },
);
const refused = tables(isRefused, "| refused | code | do this |\n|---|---|---|", ({ says, refused, not }) => {
  const instead = [refused!.instead, bundled(not)].filter(Boolean).join("; ");
  return `| ${cell(says)} | \`${refused!.code}\` | ${cell(instead)} |`;
});

const page = await readFile(PAGE, "utf8");
const written = fill(fill(page, "travels", travels), "refused", refused);
if (process.argv.includes("--check")) {
  if (written !== page) console.error("docs/closures.md is not what the rows say: run pnpm docs:closures");
  process.exit(written === page ? 0 : 1);
}
await writeFile(PAGE, written);

function tables(wanted: (row: Row) => boolean, head: string, line: (row: Row) => string): string {
  const table = ({ title, rows }: Group) =>
    `**${title}**\n\n${head}\n${rows.filter(wanted).map(line).join("\n")}`;
  return groups
    .filter(({ rows }) => rows.some(wanted))
    .map(table)
    .join("\n\n");
}

function bundled(not: Row["not"]): string {
  return not?.bundler === undefined ? "" : `built by a bundler: ${not.bundler}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function fill(text: string, mark: string, content: string): string {
  const [before, after] = [`<!-- rows: ${mark} -->`, "<!-- end of rows -->"];
  const start = text.indexOf(before);
  const end = text.indexOf(after, start);
  if (start < 0 || end < 0) throw new Error(`docs/closures.md has no marks for "${mark}"`);
  return `${text.slice(0, start + before.length)}\n\n${content}\n\n${text.slice(end)}`;
}
