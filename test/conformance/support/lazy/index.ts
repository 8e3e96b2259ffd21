import { CONSTANT } from "../named.ts";

export const lazy = CONSTANT + 1;
export default () => "lazily";
