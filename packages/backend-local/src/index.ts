export { inlineBackend } from "./inline-backend.ts";
export { localBackend } from "./local-backend.ts";
