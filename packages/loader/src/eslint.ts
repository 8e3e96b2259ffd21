/** The lint rules: what a call would refuse, told while the code is written. They share the transform's analysis. */
import { mayHaveCallSites, type Node, type Problem, shipCallSites } from "@bonfire/runtime/closure";
import type { ESLint, Linter, Rule } from "eslint";

function rule(
  severity: Problem["severity"],
  type: "problem" | "suggestion",
  description: string,
): Rule.RuleModule {
  return {
    meta: { type, docs: { description }, schema: [] },
    create: (context) => ({
      Program() {
        for (const problem of problemsIn(context)) {
          if (problem.severity !== severity) continue;
          const { line, column } = problem;
          context.report({ message: `the closure ${problem.message}`, loc: { line, column: column - 1 } });
        }
      },
    }),
  };
}

const analyzed = new WeakMap<Rule.RuleContext["sourceCode"], readonly Problem[]>();

/** Of the closures that certainly go to a pool; found once for all rules. */
function problemsIn({ sourceCode, filename }: Rule.RuleContext): readonly Problem[] {
  let problems = analyzed.get(sourceCode);
  if (!problems) {
    problems = mayHaveCallSites(sourceCode.text) ? analyze(sourceCode, filename) : [];
    analyzed.set(sourceCode, problems);
  }
  return problems;
}

function analyze({ ast, text }: Rule.RuleContext["sourceCode"], filename: string): readonly Problem[] {
  const shipped = shipCallSites({
    file: filename,
    code: text,
    program: ast as unknown as Node,
  });
  if (!shipped) return [];
  const { source, sites } = shipped;
  return source.sites.flatMap(({ problems }, index) => (sites[index]!.isCertain ? problems : []));
}

const rules = {
  closure: rule("error", "problem", "Refuse closures that a pool would refuse at the call"),
  "closure-warnings": rule("warning", "suggestion", "Tell of closures that may not do what is meant"),
};

/** For a flat configuration: `export default [bonfire.configs.recommended]`. */
export interface BonfireLint extends ESLint.Plugin {
  readonly rules: Record<"closure" | "closure-warnings", Rule.RuleModule>;
  /** `recommended`: refusals as errors, the rest as warnings. */
  readonly configs: { readonly recommended: Linter.Config };
}

const recommended: Linter.Config = {
  name: "bonfire/recommended",
  rules: { "bonfire/closure": "error", "bonfire/closure-warnings": "warn" },
};

const plugin: BonfireLint = {
  meta: { name: "@bonfire/loader", namespace: "bonfire" },
  rules,
  configs: { recommended },
};
recommended.plugins = { bonfire: plugin };

export default plugin;
