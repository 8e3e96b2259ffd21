exports.double = (n) => n * 2;
exports.Thing = class Thing {
  constructor() {
    this.n = 3;
  }
};
exports.where = () => require("node:path").basename(__filename);
