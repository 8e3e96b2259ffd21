/**
 * Every NATS subject that Bonfire uses is spelled here. A node's id (with its incarnation) is the second token, so
 * a node subscribes under its own name only; the sender's id is a token too, which permissions can pin, so a
 * receiver knows who speaks.
 */
const ROOT = "bf";

export const subject = {
  /** Calls to a cell. */
  call: (cell: string, sender: string) => `${ROOT}.${cell}.call.${sender}`,
  /** Messages to the actors of a node. */
  mail: (node: string, sender: string) => `${ROOT}.${node}.mail.${sender}`,
  everyMail: (node: string) => `${ROOT}.${node}.mail.*`,
  /** Replies to what a node asked; the last token says which question. */
  reply: (node: string, question: string) => `${ROOT}.${node}.re.${question}`,
  everyReply: (node: string) => `${ROOT}.${node}.re.*`,
  /** Packets of the live handles of a node's calls: u32 id of the call, then the packet. */
  handle: (node: string, sender: string) => `${ROOT}.${node}.handle.${sender}`,
  everyHandle: (node: string) => `${ROOT}.${node}.handle.*`,
  /** Answers of the actors of `sender` to what a node asked. */
  answer: (node: string, sender: string) => `${ROOT}.${node}.ans.${sender}`,
  everyAnswer: (node: string) => `${ROOT}.${node}.ans.*`,
  /** Where it comes back that a tell reached nobody; the last tokens say what it was. */
  nobody: (node: string, to: string, actor: string, method: string) =>
    `${ROOT}.${node}.nobody.${to}.${actor}.${method}`,
  everyNobody: (node: string) => `${ROOT}.${node}.nobody.>`,
  /** Lines that shipped code printed. */
  log: (node: string, sender: string) => `${ROOT}.${node}.log.${sender}`,
  everyLog: (node: string) => `${ROOT}.${node}.log.*`,
  /** Chunks of a transfer, and the credits that let its sender go on. */
  chunk: (node: string, sender: string, transfer: number) => `${ROOT}.${node}.chunk.${sender}.${transfer}`,
  everyChunk: (node: string) => `${ROOT}.${node}.chunk.*.*`,
  credit: (node: string, sender: string, transfer: number) => `${ROOT}.${node}.credit.${sender}.${transfer}`,
  everyCredit: (node: string) => `${ROOT}.${node}.credit.*.*`,
  /** Presence: beats, an answer to whoever asks, a goodbye, and word to a node that others have taken for gone. */
  beat: (node: string) => `${ROOT}.${node}.beat`,
  ping: (node: string) => `${ROOT}.${node}.ping`,
  bye: (node: string) => `${ROOT}.${node}.bye`,
  fenced: (node: string) => `${ROOT}.${node}.fenced`,
  /** Where a pool's supervisor is reached by name. */
  supervisor: (pool: string, sender: string) => `${ROOT}.pool.${pool}.mail.${sender}`,
  everySupervisor: (pool: string) => `${ROOT}.pool.${pool}.mail.*`,
  /** Word that a lease of a store was released. */
  released: (bucket: string, key: string) => `${ROOT}.store.${bucket}.released.${key}`,
  /** nats-server's own notice that a connection of this account ended; a hint, where the server gives it. */
  disconnects: "$SYS.ACCOUNT.*.DISCONNECT",
} as const;

/** The sender's id of a received subject: its fourth token. */
export function senderOf(received: string): string {
  return received.split(".")[3] ?? "";
}

export function senderOfSupervisorMail(received: string): string {
  return received.split(".")[4] ?? "";
}
