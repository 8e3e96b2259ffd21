export { inlineBackend } from "@bonfire/executor";
export { localBackend } from "./local-backend.ts";
