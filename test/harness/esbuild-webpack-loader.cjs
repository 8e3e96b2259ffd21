// Types off, for webpack, which reads JavaScript only.
const { transform } = require("esbuild");

module.exports = function strip(source, inputMap) {
  const done = this.async();
  const inline = inputMap
    ? `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(inputMap)).toString("base64")}`
    : "";
  transform(source + inline, {
    loader: "ts",
    sourcemap: "external",
    sourcefile: this.resourcePath,
    target: "node24",
  }).then(({ code, map }) => done(null, code, JSON.parse(map)), done);
};
