// The HTTP front: keeps nothing itself, and asks actors wherever they are.
import { connect } from "@bonfire/runtime";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { type Line, RateLimiter, Room } from "./actors.ts";

const fire = await connect();
const app = new Hono();
const deadline = "4s";

app.post("/rooms/:room", async (context) => {
  const line = await context.req.json<Line>();
  if (!(await fire.actor(RateLimiter, line.from).with({ deadline }).take())) {
    return context.text("not so fast", 429);
  }
  const count = await fire.actor(Room, context.req.param("room")).with({ deadline }).say(line);
  return context.json({ count });
});

app.get("/rooms/:room", async (context) =>
  context.json(await fire.actor(Room, context.req.param("room")).with({ deadline }).lines()),
);

// What was under way in a process that was killed: it may have been done or not, so the client decides.
app.onError((error, context) => context.text((error as { code?: string }).code ?? error.message, 503));

const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) =>
  console.log(`ready http://127.0.0.1:${port}`),
);
process.once("SIGTERM", () => {
  server.close();
  void fire.close().then(() => process.exit());
});
