import { z } from "zod";

export const person = z.object({ name: z.string() });
