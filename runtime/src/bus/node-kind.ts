/** What a node's id tells: `d-x` is a driver, `e-x` an executor, `c-x-1` a cell of it, `a-x-1-1` an actor in that cell. */

/** Whether it is that of an actor in a cell, and so runs shipped code. */
export function isActorNode(node: string): boolean {
  return node.startsWith("a-");
}

/** The same for all nodes of one executor. */
export function machineOf(node: string): string {
  return node.split("-", 2)[1] ?? "";
}

/** The node of the actor that is the nth of a cell. */
export function actorNode(cell: string, nth: number): string {
  return `a-${cell.slice(2)}-${nth}`;
}
