import { fileURLToPath } from "node:url";

/** The program that a backend runs on an executor machine, with the bootstrap as one line on its standard input. */
export const AGENT_PROGRAM: string = fileURLToPath(new URL("./program/agent.js", import.meta.url));
