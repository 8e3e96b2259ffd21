/** The reading end of `pool.stream`. */
import { handleEnded } from "@bonfire/wire";

/**
 * Starts when the first item is asked for.
 * @param abandon called if it is left before it has started, as then nobody else lets go of what it captured
 */
export function streamFrom<T>(
  start: () => Promise<AsyncIterable<T>>,
  abandon: (reason: unknown) => void,
): AsyncGenerator<T, void, void> {
  let hasStarted = false;
  const generator = (async function* (): AsyncGenerator<T, void, void> {
    hasStarted = true;
    yield* await start();
  })();
  const { return: leave } = generator;
  generator.return = (value) => {
    if (!hasStarted) abandon(handleEnded());
    return leave.call(generator, value);
  };
  return generator;
}
