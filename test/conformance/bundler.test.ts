import { testWays } from "./way-tests.ts";

await testWays("bundler");
