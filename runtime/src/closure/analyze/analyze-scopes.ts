/**
 * One pass over a syntax tree that finds its scopes, variables and references, and what is above each node. Only what
 * exists at run time is looked at: a type declares nothing and refers to nothing.
 */
import { resolveReference } from "./scope.ts";
import { isLexical, type ScopeAnalysis, ScopePass, type Target, type Visitor } from "./scope-pass.ts";
import type { Node } from "./syntax.ts";

export function analyzeScopes(program: Node): ScopeAnalysis {
  const pass = new ScopePass(VISITORS);
  pass.parents.set(program, null);
  pass.nest("global", program, () => {
    if (program.sourceType === "module") pass.nest("module", program, () => pass.children(program));
    else pass.children(program);
  });
  pass.references.forEach(resolveReference);
  return pass;
}

/** Where the name of a namespace `A.B` starts. */
function leftmost(name: Node): Node {
  return name.type === "TSQualifiedName" ? leftmost(name.left as Node) : name;
}

const method: Visitor = (pass, node) => {
  pass.visitAll(node.decorators as Node[] | undefined, node);
  if (node.computed) pass.visit(node.key as Node, node);
  pass.visit(node.value as Node | null, node);
};

const field: Visitor = (pass, node) => {
  pass.visitAll(node.decorators as Node[] | undefined, node);
  if (node.computed) pass.visit(node.key as Node, node);
  const value = node.value as Node | null;
  if (value) pass.nest("class-field-initializer", value, () => pass.visit(value, node));
};

const jsxName: Visitor = (pass, node) => {
  const name = node.name as Node;
  // A name in lower case is an element's, not a variable's.
  if (name.type !== "JSXIdentifier" || /^[^a-z]/.test(name.name as string)) pass.visit(name, node);
};

const VISITORS = new Map<string, Visitor>(
  Object.entries({
    Identifier: (pass, node) => pass.refer(node),
    JSXIdentifier: (pass, node) => {
      if (node.name !== "this") pass.refer(node);
    },
    MemberExpression(pass, node) {
      pass.visit(node.object as Node, node);
      if (node.computed) pass.visit(node.property as Node, node);
    },
    Property(pass, node) {
      if (node.computed) pass.visit(node.key as Node, node);
      pass.visit(node.value as Node, node);
    },
    CallExpression(pass, node) {
      pass.calls.push(node);
      pass.children(node);
    },
    AssignmentExpression(pass, node) {
      const left = node.left as Node;
      pass.pattern(left, node, { scope: null, isWrite: true, isInit: false });
      pass.visit(node.right as Node, node);
    },
    UpdateExpression: (pass, node) =>
      pass.pattern(node.argument as Node, node, { scope: null, isWrite: true, isInit: false }),
    VariableDeclaration: (pass, node) => pass.variables(node, false),

    ArrowFunctionExpression: (pass, node) => pass.function(node),
    FunctionDeclaration(pass, node) {
      if (node.id) pass.scope.declare(node.id as Node, "FunctionName", node);
      pass.function(node);
    },
    FunctionExpression(pass, node) {
      if (!node.id) return pass.function(node);
      pass.nest("function-expression-name", node, (scope) => {
        scope.declare(node.id as Node, "FunctionName", node);
        pass.function(node);
      });
    },
    // An overload, or what is declared elsewhere.
    TSDeclareFunction(pass, node) {
      if (node.id) pass.scope.declare(node.id as Node, "FunctionName", node);
    },

    ClassDeclaration(pass, node) {
      if (node.id) pass.scope.declare(node.id as Node, "ClassName", node);
      pass.class(node);
    },
    ClassExpression: (pass, node) => pass.class(node),
    MethodDefinition: method,
    TSAbstractMethodDefinition: method,
    PropertyDefinition: field,
    AccessorProperty: field,
    TSAbstractPropertyDefinition: field,
    TSAbstractAccessorProperty: field,
    StaticBlock: (pass, node) => pass.nest("class-static-block", node, () => pass.children(node)),

    BlockStatement: (pass, node) => pass.nest("block", node, () => pass.children(node)),
    CatchClause: (pass, node) =>
      pass.nest("catch", node, (scope) => {
        const target: Target = { scope, type: "CatchClause", node, isWrite: false, isInit: true };
        if (node.param) pass.pattern(node.param as Node, node, target);
        pass.visit(node.body as Node, node);
      }),
    ForInStatement: (pass, node) => pass.loop(node),
    ForOfStatement: (pass, node) => pass.loop(node),
    ForStatement(pass, node) {
      if (isLexical(node.init as Node | null)) pass.nest("for", node, () => pass.children(node));
      else pass.children(node);
    },
    SwitchStatement(pass, node) {
      pass.visit(node.discriminant as Node, node);
      pass.nest("switch", node, () => pass.visitAll(node.cases as Node[], node));
    },

    ImportDeclaration(pass, node) {
      for (const specifier of node.specifiers as Node[])
        pass.scope.declare(specifier.local as Node, "ImportBinding", specifier, node);
    },
    ExportNamedDeclaration(pass, node) {
      if (node.declaration) pass.visit(node.declaration as Node, node);
      else if (!node.source && node.exportKind !== "type") pass.visitAll(node.specifiers as Node[], node);
    },
    ExportSpecifier(pass, node) {
      if (node.exportKind !== "type") pass.visit(node.local as Node, node);
    },
    TSImportEqualsDeclaration(pass, node) {
      pass.scope.declare(node.id as Node, "ImportBinding", node, node);
      const name = leftmost(node.moduleReference as Node);
      if (name.type === "Identifier") pass.visit(name, node);
    },

    TSEnumDeclaration(pass, node) {
      pass.scope.declare(node.id as Node, "TSEnumName", node);
      pass.nest("tsEnum", node, (scope) => {
        for (const member of (node.body?.members ?? node.members) as Node[]) {
          const id = member.id as Node;
          if (id.type === "Identifier" || id.type === "Literal") scope.declare(id, "TSEnumMember", member);
          pass.visit(member.initializer as Node | null, member);
        }
      });
    },
    TSModuleDeclaration(pass, node) {
      const name = leftmost(node.id as Node);
      if (name.type === "Identifier" && node.kind !== "global")
        pass.scope.declare(name, "TSModuleName", node);
      pass.nest("tsModule", node, () => pass.visit(node.body as Node | null, node));
    },

    JSXOpeningElement(pass, node) {
      jsxName(pass, node);
      pass.visitAll(node.attributes as Node[], node);
    },
    JSXClosingElement: jsxName,
  } satisfies Record<string, Visitor>),
);
