/**
 * The asynchronous half of WebAssembly. V8 finishes it on a background task that an isolate without a loop never
 * runs, so these do the same work synchronously and give a promise of it.
 */
type Source = ArrayBuffer | ArrayBufferView;
type Body = { arrayBuffer(): Promise<ArrayBuffer> };

declare const WebAssembly: {
  readonly Module: new (source: Source) => object;
  readonly Instance: new (module: object, imports?: object) => object;
};

export function installWebAssembly(): void {
  const { Module, Instance } = WebAssembly;
  const instantiate = (source: Source | object, imports?: object): unknown => {
    if (source instanceof Module) return new Instance(source, imports);
    const module = new Module(source as Source);
    return { module, instance: new Instance(module, imports) };
  };
  const shims = {
    compile: async (source: Source) => new Module(source),
    instantiate: async (source: Source | object, imports?: object) => instantiate(source, imports),
    compileStreaming: async (response: PromiseLike<Body> | Body) =>
      new Module(await (await response).arrayBuffer()),
    instantiateStreaming: async (response: PromiseLike<Body> | Body, imports?: object) =>
      instantiate(await (await response).arrayBuffer(), imports),
  };
  for (const [name, value] of Object.entries(shims)) {
    Object.defineProperty(WebAssembly, name, { value, writable: true, configurable: true });
  }
}
