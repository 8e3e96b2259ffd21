/** How what is found by a name is called in the store. */

export function nameKey(name: string): string {
  return `name:${name}`;
}

/** `id`: the class's name, a slash, and the key. */
export function virtualKey(id: string): string {
  return `actor:${id}`;
}

export function stateKey(key: string): string {
  return `state:${key}`;
}

export function hostGroup(type: string): string {
  return `host:${type}`;
}

export function groupKey(group: string): string {
  return `group:${group}`;
}
