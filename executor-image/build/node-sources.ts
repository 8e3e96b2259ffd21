/** The sources of Node's library by module id, as the running binary holds them. */
export type NodeSources = Readonly<Record<string, string>>;

export function nodeSources(): NodeSources {
  const { binding } = process as unknown as { binding(name: "natives"): NodeSources };
  return binding.call(process, "natives");
}
