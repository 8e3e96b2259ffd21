/** What the visitors of the scope analysis share: where the pass is, and the constructs that many nodes have. */
import { FIELDS } from "./fields.ts";
import { type Definition, type Reference, Scope, type ScopeType } from "./scope.ts";
import { eachChild, type Node, unwrap } from "./syntax.ts";

export interface ScopeAnalysis {
  /** Outer ones before inner ones; the first is the global one. */
  scopes: readonly Scope[];
  references: readonly Reference[];
  parents: ReadonlyMap<Node, Node | null>;
  /** Every `CallExpression`, outer ones first. */
  calls: readonly Node[];
}

export type Visitor = (pass: ScopePass, node: Node) => void;

/** What becomes of the names in a pattern. */
export interface Target {
  /** Declared there, if at all. */
  scope: Scope | null;
  type?: Definition["type"];
  node?: Node;
  parent?: Node | null;
  /** Written by the statement itself, not only by default values. */
  isWrite: boolean;
  isInit: boolean;
}

export class ScopePass implements ScopeAnalysis {
  readonly scopes: Scope[] = [];
  readonly references: Reference[] = [];
  readonly parents = new Map<Node, Node | null>();
  readonly calls: Node[] = [];
  scope!: Scope;
  readonly #visitors: ReadonlyMap<string, Visitor>;

  /** @param visitors by node type; other nodes are passed through to their children */
  constructor(visitors: ReadonlyMap<string, Visitor>) {
    this.#visitors = visitors;
  }

  nest(type: ScopeType, block: Node, inside: (scope: Scope) => void): void {
    const upper = this.scope ?? null;
    this.scope = new Scope(type, block, upper);
    this.scopes.push(this.scope);
    inside(this.scope);
    this.scope = upper;
  }

  visit(node: Node | null | undefined, parent: Node): void {
    if (!node) return;
    this.parents.set(node, parent);
    const visitor = this.#visitors.get(node.type);
    if (visitor) visitor(this, node);
    else this.children(node);
  }

  visitAll(nodes: readonly (Node | null)[] | undefined, parent: Node): void {
    if (nodes) for (const node of nodes) this.visit(node, parent);
  }

  /** As `eachChild`, with less stack: a long sum is nested as deep. */
  children(node: Node): void {
    const fields = FIELDS.get(node.type);
    if (!fields) return eachChild(node, (child) => this.visit(child, node));
    for (const field of fields) {
      const value = node[field] as Node | (Node | null)[] | null | undefined;
      if (Array.isArray(value)) this.visitAll(value, node);
      else this.visit(value, node);
    }
  }

  refer(identifier: Node, isWrite = false, isInit = false): void {
    this.references.push({ identifier, from: this.scope, resolved: null, isWrite, isInit });
  }

  /** @param defaults how many default values stand around the node: each is a write of its own */
  pattern(given: Node, parent: Node, target: Target, defaults = 0): void {
    this.parents.set(given, parent);
    const node = unwrap(given);
    if (node !== given) this.parents.set(node, given);
    switch (node.type) {
      case "Identifier": {
        const { scope, type, node: declaration, isWrite, isInit } = target;
        scope?.declare(node, type!, declaration!, target.parent);
        for (let count = isWrite ? defaults + 1 : defaults; count > 0; count--)
          this.refer(node, true, isInit);
        return;
      }
      case "ObjectPattern":
        for (const property of node.properties as Node[]) {
          if (property.type === "Property") {
            this.parents.set(property, node);
            if (property.computed) this.visit(property.key as Node, property);
            this.pattern(property.value as Node, property, target, defaults);
          } else {
            this.pattern(property, node, target, defaults);
          }
        }
        return;
      case "ArrayPattern":
        for (const element of node.elements as (Node | null)[])
          if (element) this.pattern(element, node, target, defaults);
        return;
      case "RestElement":
        this.pattern(node.argument as Node, node, target, defaults);
        return;
      case "AssignmentPattern":
        this.pattern(node.left as Node, node, target, defaults + 1);
        this.visit(node.right as Node, node);
        return;
      case "TSParameterProperty":
        this.pattern(node.parameter as Node, node, target, defaults);
        return;
      default:
        this.visit(given, parent);
    }
  }

  /** @param isWritten by the loop that it stands in */
  variables(node: Node, isWritten: boolean): void {
    const scope = node.kind === "var" ? this.scope.variableScope : this.scope;
    for (const declarator of node.declarations as Node[]) {
      this.parents.set(declarator, node);
      const isWrite = isWritten || Boolean(declarator.init);
      this.pattern(declarator.id as Node, declarator, {
        scope,
        type: "Variable",
        node: declarator,
        parent: node,
        isWrite,
        isInit: true,
      });
      this.visit(declarator.init as Node | null, declarator);
    }
  }

  function(node: Node): void {
    const params = node.params as Node[];
    for (const param of params) this.visitAll(param.decorators as Node[] | undefined, param);
    this.nest("function", node, (scope) => {
      if (node.type !== "ArrowFunctionExpression") scope.variable("arguments");
      const target: Target = { scope, type: "Parameter", node, isWrite: false, isInit: true };
      for (const param of params) this.pattern(param, node, target);
      const body = node.body as Node;
      if (body.type === "BlockStatement") {
        // The body has the scope of the function.
        this.parents.set(body, node);
        this.children(body);
      } else {
        this.visit(body, node);
      }
    });
  }

  class(node: Node): void {
    this.visitAll(node.decorators as Node[] | undefined, node);
    this.nest("class", node, (scope) => {
      if (node.id) scope.declare(node.id as Node, "ClassName", node);
      this.visit(node.superClass as Node | null, node);
      this.visit(node.body as Node, node);
    });
  }

  loop(node: Node): void {
    const left = node.left as Node;
    this.parents.set(left, node);
    const inside = (): void => {
      if (left.type === "VariableDeclaration") this.variables(left, true);
      else this.pattern(left, node, { scope: null, isWrite: true, isInit: false });
      this.visit(node.right as Node, node);
      this.visit(node.body as Node, node);
    };
    if (isLexical(left)) this.nest("for", node, inside);
    else inside();
  }
}

export function isLexical(node: Node | null): boolean {
  return node?.type === "VariableDeclaration" && node.kind !== "var";
}
