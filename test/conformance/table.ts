/** The conformance table: every row that plain node can run. */
import "./alias-hook.ts";
import type { Group } from "./row.ts";

const { forms } = await import("./rows/forms.ts");
const { captures } = await import("./rows/captures.ts");
const { functions } = await import("./rows/functions.ts");
const { classes } = await import("./rows/classes.ts");
const { modules } = await import("./rows/modules.ts");
const { topLevelAwait } = await import("./rows/top-level-await.ts");
const { native } = await import("./rows/native.ts");
const { explicit } = await import("./rows/explicit.ts");
const { valuesOut } = await import("./rows/values-out.ts");
const { valuesBack } = await import("./rows/values-back.ts");
const { errors } = await import("./rows/errors.ts");
const { refusals } = await import("./rows/refusals.ts");

export const groups: readonly Group[] = [
  forms,
  captures,
  functions,
  classes,
  modules,
  topLevelAwait,
  native,
  explicit,
  valuesOut,
  valuesBack,
  errors,
  refusals,
];
